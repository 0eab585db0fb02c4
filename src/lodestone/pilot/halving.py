"""Successive halving over strengths (Jamieson & Talwalkar, AISTATS 51, 240, 2016), within bounds.

All candidates begin with few structures. Each round drops those that are out of bounds, keeps the better
half of the others and doubles the structures, until one is left. Pure: what was sampled comes in as
`Evidence`, what is decided goes out as `Decision`.

A candidate is out of bounds only where the confidence interval of its fall in validity, or of its rise in
energy, lies beyond the bound as a whole: a small pilot shall not refuse a strength by chance. Candidates
are ranked by their share of satisfied and valid structures; ties go to the stronger guidance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

KEPT, DROPPED, REFUSED, CHOSEN = "kept", "dropped", "out of bounds", "chosen"


@dataclass(frozen=True)
class Bounds:
    """How far the validity may fall (a share) and the energy above the hull rise (eV/atom)."""

    worst_validity: float = 0.10
    worst_energy: float = 0.1


@dataclass(frozen=True)
class Change:
    """A difference from the control, with its interval; bounds are None where nothing can be said."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Evidence:
    """What the structures of a candidate say so far (all rounds together)."""

    strength: float
    n: int
    satisfied: int
    valid: int
    satisfied_valid: int
    fall: Change
    """Control's share of valid structures minus the candidate's."""
    rise: Change
    """Median energy above the hull minus the control's, eV/atom."""
    energy: float | None = None
    """That median, over the valid structures that have an energy."""

    @property
    def rate(self) -> float:
        """Share of satisfied and valid structures."""
        return self.satisfied_valid / self.n if self.n else 0.0


@dataclass(frozen=True)
class Decision:
    """What became of a candidate in a round, and why."""

    round: int
    evidence: Evidence
    decision: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """The chosen strength (Å), why, and every decision on the way."""

    strength: float
    within_bounds: bool
    reason: str
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class Round:
    """A round: `structures` new ones of each of at most `candidates`, numbered from `first`."""

    index: int
    candidates: int
    structures: int
    first: int


Assess = Callable[[Round, Sequence[float]], Sequence[Evidence]]


def schedule(candidates: int, structures: int, lineage: int = 1) -> list[Round]:
    """The rounds of a pilot in which no candidate is out of bounds; otherwise they are fewer or smaller.

    The first has `structures` of each candidate, rounded up to whole lineages; each further one doubles
    what there is.
    """
    size = -(-structures // lineage) * lineage
    rounds = [Round(0, candidates, size, 0)]
    while (candidates := half(candidates)) > 1:
        first = rounds[-1].first + rounds[-1].structures
        rounds.append(Round(len(rounds), candidates, first, first))
    return rounds


def half(candidates: int) -> int:
    """The better half, rounded up."""
    return (candidates + 1) // 2


def halve(strengths: Sequence[float], rounds: Sequence[Round], assess: Assess, bounds: Bounds) -> Outcome:
    """Run the rounds; `assess` samples a round and tells what is known of the strengths it is given.

    Where every candidate is out of bounds, the best that was within them when it was dropped is taken;
    where there never was one, the weakest of all, and the outcome says so.
    """
    alive, decisions = sorted(strengths), list[Decision]()
    for step in rounds:
        found = decide(step.index, assess(step, alive), bounds)
        decisions += found
        alive = sorted(d.evidence.strength for d in found if d.decision == KEPT)
        if len(alive) < 2:
            break
    return _conclude(strengths, alive, decisions)


def decide(index: int, evidence: Sequence[Evidence], bounds: Bounds) -> list[Decision]:
    """The decisions of one round, in the order of `evidence`."""
    refused = {e.strength: reason for e in evidence if (reason := out_of_bounds(e, bounds))}
    inside = sorted((e for e in evidence if e.strength not in refused), key=_order)
    keep = half(len(evidence))
    places = {e.strength: place for place, e in enumerate(inside, start=1)}
    return [
        Decision(index, e, REFUSED, refused[e.strength])
        if e.strength in refused
        else Decision(
            index, e, KEPT if places[e.strength] <= keep else DROPPED, _rank(e, places[e.strength], inside)
        )
        for e in evidence
    ]


def out_of_bounds(evidence: Evidence, bounds: Bounds) -> str | None:
    """Why a candidate is refused; None where its intervals reach into the bounds."""
    fall, rise = evidence.fall, evidence.rise
    reasons = []
    if fall.low is not None and fall.low > bounds.worst_validity:
        reasons.append(
            f"{_said('the share of valid structures falls by', fall)}, over {bounds.worst_validity:g}"
        )
    if rise.low is not None and rise.low > bounds.worst_energy:
        reasons.append(
            f"{_said('the energy above the hull rises by', rise)} eV/atom, over {bounds.worst_energy:g}"
        )
    return " and ".join(reasons) or None


def _conclude(strengths: Sequence[float], alive: Sequence[float], decisions: list[Decision]) -> Outcome:
    last = {d.evidence.strength: d for d in decisions}
    if alive:
        best = min((last[s].evidence for s in alive), key=_order)
        return _outcome(best.strength, last[best.strength].reason, decisions)
    spared = [d.evidence for d in last.values() if d.decision == DROPPED]
    if spared:
        best = min(spared, key=_order)
        reason = "the best of those within the bounds; what was better at first turned out to be beyond them"
        return _outcome(best.strength, reason, decisions)
    weakest = min(strengths)
    reason = "the weakest, since every candidate is out of bounds"
    return _outcome(weakest, reason, decisions, within_bounds=False)


def _outcome(
    strength: float, reason: str, decisions: Sequence[Decision], *, within_bounds: bool = True
) -> Outcome:
    """The outcome, in which the last decision about the chosen strength is marked."""
    last = max(i for i, d in enumerate(decisions) if d.evidence.strength == strength)
    marked = (replace(d, decision=CHOSEN) if i == last else d for i, d in enumerate(decisions))
    return Outcome(strength, within_bounds, reason, tuple(marked))


def _order(evidence: Evidence) -> tuple[float, float]:
    return (-evidence.rate, -evidence.strength)


def _rank(evidence: Evidence, place: int, inside: Sequence[Evidence]) -> str:
    tied = sum(other.rate == evidence.rate for other in inside) > 1
    tie = ", ties to the stronger" if tied else ""
    return (
        f"{evidence.satisfied_valid} of {evidence.n} satisfied and valid: place {place} of {len(inside)} "
        f"within the bounds{tie}"
    )


def _said(words: str, change: Change) -> str:
    return f"{words} {change.value:.2f} ({change.low:.2f} to {change.high:.2f})"
