"""The generator `prototypes`: assignments of similar references first, then all that the tables allow.

    p(g, a | c) = (1 − λ) · Σ_r k_r [a_r on c is (g, a)] / K  +  λ · p_general(g, a | c),    λ = κ / (κ + K)

The sum runs over the references r with the same numbers of atoms as the composition c, and over all ways to
give the places of their elements to the asked ones; k_r = exp(−(d/τ)²/2) with d the root mean square distance
of the element vectors (elements.py) over the atoms, and K = Σ k_r. The second term knows every assignment in
every group (general.py). With a target t, each reference counts exp(−((t_r − t)/w)²/2) times.

How much one composition resembles another, and which elements could take which places.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

import numpy as np
import polars as pl

from lodestone.wyckoff.assignments import legal_groups
from lodestone.wyckoff.elements import features
from lodestone.wyckoff.general import General, SiteFrequencies
from lodestone.wyckoff.normaliser import canonical
from lodestone.wyckoff.proposals import Orbit, Proposal
from lodestone.wyckoff.reading import Example, examples_of

MOST_ORDERS = 720  # ways to give places to elements that are tried; beyond, the nearest one alone


def composition_distance(a: Mapping[str, int], b: Mapping[str, int]) -> float:
    """Distance of two compositions per primitive cell, 0 for equal ones.

    The root of the squared differences of: the atomic fractions sorted by size (stoichiometry, whatever the
    elements), half the logarithm of the numbers of atoms, and the mean element vector (`elements.py`).
    """
    n_a, n_b = sum(a.values()), sum(b.values())
    size = max(len(a), len(b))
    fractions = np.zeros((2, size))
    for row, (counts, n) in zip(fractions, ((a, n_a), (b, n_b)), strict=True):
        row[: len(counts)] = sorted((k / n for k in counts.values()), reverse=True)
    means = [
        np.sum([k * features(e) for e, k in counts.items()], axis=0) / n for counts, n in ((a, n_a), (b, n_b))
    ]
    return math.sqrt(
        float(((fractions[0] - fractions[1]) ** 2).sum())
        + (0.5 * math.log(n_a / n_b)) ** 2
        + float(((means[0] - means[1]) ** 2).sum())
    )


def replacements(own: Mapping[str, int], asked: Mapping[str, int]) -> Iterator[tuple[dict[str, str], float]]:
    """Ways to replace the elements of one composition by those of another with the same numbers of atoms.

    Yields:
        (element of `asked` for each element of `own`, root mean square distance of their vectors over atoms).
    """
    blocks = []
    for n in sorted(set(own.values())):
        old = sorted(e for e, k in own.items() if k == n)
        new = sorted(e for e, k in asked.items() if k == n)
        blocks.append((old, new))
    ways = math.prod(math.factorial(len(old)) for old, _ in blocks)
    orders = [[_nearest(old, new)] if ways > MOST_ORDERS else list(permutations(new)) for old, new in blocks]
    total = sum(own.values())
    for chosen in product(*orders):
        names = {
            o: n for (old, _), new in zip(blocks, chosen, strict=True) for o, n in zip(old, new, strict=True)
        }
        squares = sum(k * float(((features(e) - features(names[e])) ** 2).sum()) for e, k in own.items())
        yield names, math.sqrt(squares / total)


def _nearest(old: list[str], new: list[str]) -> tuple[str, ...]:
    """The order of `new` with the smallest sum of squared distances to `old`."""
    from scipy.optimize import linear_sum_assignment

    apart = np.array([[((features(a) - features(b)) ** 2).sum() for b in new] for a in old])
    _, columns = linear_sum_assignment(apart)
    return tuple(new[j] for j in columns)


@dataclass(frozen=True)
class Kernels:
    """Widths of the weights: what counts as similar."""

    element: float = 0.4
    """τ, of element vectors."""
    composition: float = 0.3
    """Of the distance of compositions in p(g | c)."""
    evidence: float = 2.0
    """κ: this much K weighs as much as the general term."""
    group: float = 0.2
    """Weight of every group in p(g | c), in references of the same composition."""
    target: float = 0.25
    """w, in standard deviations of the target over the references."""


class Prototypes:
    """Proposals from the nearest references, then from frequencies; nothing is drawn at random."""

    source = "prototypes"

    def __init__(
        self, references: pl.DataFrame, *, target: str | None = None, kernels: Kernels | None = None
    ) -> None:
        """Read the references; those without a proposal are left out, with their reasons in `failed`.

        Args:
            references: a structure table.
            target: name of the column that `propose(target=...)` asks for.
            kernels: the widths.

        Raises:
            ValueError: no such column of numbers.
        """
        examples, self.failed = examples_of(references, target)
        self._learn(examples, kernels or Kernels())

    @classmethod
    def of(cls, examples: Sequence[Example], kernels: Kernels | None = None) -> Prototypes:
        """The generator of examples that were read before."""
        made = cls.__new__(cls)
        made.failed = {}
        made._learn(examples, kernels or Kernels())  # noqa: SLF001  (its own)
        return made

    def _learn(self, examples: Sequence[Example], kernels: Kernels) -> None:
        self.kernels = kernels
        self._known = [(example, example.counts) for example in examples]
        self._sites = SiteFrequencies(example.proposal for example in examples)
        targets = [example.target for example in examples if example.target is not None]
        self._spread = float(np.std(targets)) if targets else 0.0

    def propose(
        self,
        counts: Mapping[str, int],
        n: int,
        *,
        space_groups: Sequence[int] | None = None,
        target: float | None = None,
        seed: int = 0,  # noqa: ARG002  (nothing is drawn)
    ) -> list[Proposal]:
        """Up to n proposals, the most probable first; see `Generator.propose`.

        Raises:
            ValueError: a target is asked for and the references have none; a composition without atoms.
        """
        counts = dict(sorted(counts.items()))  # sums must not depend on the order of the formula
        legal = legal_groups(counts, space_groups)
        if not legal or n < 1:
            return []
        similar, shares, rest = self._terms(counts, legal, target)
        general = General(counts, shares, self._sites)
        weights = {
            proposal: rest * general.probability(proposal) for proposal in {*similar, *general.ranked(n)}
        }
        for proposal, weight in similar.items():
            weights[proposal] += (1 - rest) * weight
        ranked = sorted(weights.items(), key=lambda x: (-x[1], x[0].space_group, x[0].orbits))
        return [replace(proposal, weight=weight) for proposal, weight in ranked[:n]]

    def group_probabilities(
        self, counts: Mapping[str, int], *, target: float | None = None
    ) -> dict[int, float]:
        """p(g | c, t), summed over all assignments, of every group in which the composition has one."""
        counts = dict(sorted(counts.items()))
        legal = legal_groups(counts)
        if not legal:
            return {}
        similar, shares, rest = self._terms(counts, legal, target)
        found = {number: rest * share for number, share in shares.items()}
        for proposal, weight in similar.items():
            found[proposal.space_group] += (1 - rest) * weight
        return found

    def _terms(
        self, counts: Mapping[str, int], legal: Sequence[int], target: float | None
    ) -> tuple[dict[Proposal, float], dict[int, float], float]:
        """The first term's probabilities, p(g | c) of the second, and λ."""
        nearness = self._nearness(target)
        similar = self._similar(counts, set(legal), nearness)
        evidence = sum(similar.values())
        shares = self._groups(counts, legal, nearness)
        rest = self.kernels.evidence / (self.kernels.evidence + evidence)
        return {p: weight / evidence for p, weight in similar.items()}, shares, rest

    def _nearness(self, target: float | None) -> np.ndarray:
        """Weight of every example by its target, (examples,)."""
        if target is None:
            return np.ones(len(self._known))
        if not self._spread:
            raise ValueError("a target is asked for, but the references have no column of targets that vary")
        width = self.kernels.target * self._spread
        apart = [math.inf if e.target is None else (e.target - target) / width for e, _ in self._known]
        return np.exp(-(np.array(apart) ** 2) / 2)

    def _similar(
        self, counts: Mapping[str, int], legal: set[int], nearness: np.ndarray
    ) -> dict[Proposal, float]:
        """Assignments of references with the same numbers of atoms, on the asked elements, with Σ k_r."""
        found: defaultdict[Proposal, float] = defaultdict(float)
        numbers = sorted(counts.values())
        for (example, own), near in zip(self._known, nearness, strict=True):
            if example.proposal.space_group in legal and sorted(own.values()) == numbers:
                for names, distance in replacements(own, counts):
                    weight = float(near) * math.exp(-((distance / self.kernels.element) ** 2) / 2)
                    orbits = tuple(Orbit(names[o.element], o.letter) for o in example.proposal.orbits)
                    if weight > 0:
                        found[canonical(Proposal(example.proposal.space_group, orbits))] += weight
        return dict(found)

    def _groups(
        self, counts: Mapping[str, int], legal: Sequence[int], nearness: np.ndarray
    ) -> dict[int, float]:
        """p(g | c) over the legal groups."""
        weights = dict.fromkeys(legal, self.kernels.group)
        for (example, own), near in zip(self._known, nearness, strict=True):
            if example.proposal.space_group in weights:
                distance = composition_distance(own, counts)
                weight = float(near) * math.exp(-((distance / self.kernels.composition) ** 2) / 2)
                weights[example.proposal.space_group] += weight
        total = sum(weights.values())
        return {number: weight / total for number, weight in weights.items()}
