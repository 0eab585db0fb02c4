"""The verdict on a constraint, in words that follow from the table of success and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from lodestone.columns import Col
from lodestone.statistics.outcomes import OUTCOMES
from lodestone.statistics.plan import ArmPlan, ConstraintPlan, Plan
from lodestone.statistics.success import CONFIRMED_AGAINST
from lodestone.text import p_text, percent, percent_interval

NAMES: dict[str, str] = {
    Col.SATISFIED: "Satisfied as generated",
    Col.SATISFIED_VALID: "Satisfied and valid",
    Col.PERSISTENT: "Persistent after relaxation",
    Col.RELAXED_SATISFIED: "Relaxed, then satisfied",
}
Row = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """`status` is worked, partly, not shown or not tested; `details` has a sentence for each other outcome.

    `persists` says whether the rise is also shown for structures that survive a short relaxation;
    None where that was not measured.
    """

    status: str
    sentence: str
    details: tuple[str, ...] = ()
    persists: bool | None = None


def verdict(constraint: ConstraintPlan, success: pl.DataFrame, plan: Plan) -> Verdict:
    """Judge the guided arm of the last strength: `satisfied` against unguided and control decides."""
    arm = plan.primary_arm(constraint.name)
    if arm is None:
        others = [a.name for a in plan.arms_of(constraint.name)]
        more = f" {', '.join(others)}: structures from elsewhere, see the table of tests." if others else ""
        return Verdict("not tested", f"No arm was guided by this constraint.{more}")
    rows = success.filter(pl.col("constraint") == constraint.name, pl.col("arm") == arm.name)
    by = {(r["comparison"], r["outcome"]): r for r in rows.iter_rows(named=True)}
    against = [c for c in CONFIRMED_AGAINST if (c, Col.SATISFIED) in by]
    if not against:
        return Verdict("not tested", "There is no unguided or control arm to compare with.")
    decisive = [by[c, Col.SATISFIED] for c in against]
    if all(row[Col.P_USED] is None for row in decisive):
        why = str(decisive[0]["note"]).removeprefix("not defined: ")
        return Verdict("not tested", f"The comparison is not defined: {why}.")
    details = [_outcome(by, outcome) for outcome in OUTCOMES if outcome != Col.SATISFIED]
    late = _late(by, arm)
    status = _status(decisive, complete=len(against) == len(CONFIRMED_AGAINST))
    said = [
        _sentence(decisive, arm, 100 * (1 - plan.alpha)),
        *_conditions(decisive, against),
        *_missed(decisive),
    ]
    return Verdict(
        status,
        " ".join(said),
        tuple(d for d in [*details, late] if d),
        _persists(by, against),
    )


def _persists(by: dict[tuple[str, str], Row], against: Sequence[str]) -> bool | None:
    shown = [by[c, Col.PERSISTENT][Col.SIGNIFICANT] for c in against]
    return None if None in shown else all(shown)


def _status(decisive: Sequence[Row], *, complete: bool) -> str:
    shown = [bool(row[Col.SIGNIFICANT]) for row in decisive]
    if all(shown):
        return "worked" if complete else "partly"
    return "partly" if any(shown) else "not shown"


def _sentence(decisive: Sequence[Row], arm: ArmPlan, level: float) -> str:
    own = decisive[0]
    others = " and ".join(_against(row) for row in decisive)
    chosen = " (chosen by a pilot on separate structures)" if arm.piloted else ""
    how = f"Guided with {arm.strength:g} Å{chosen}"
    if arm.imported:
        how = f"Guided elsewhere ({arm.name})"
    elif arm.sampler is not None:
        how = f"Drawn by the sampler {arm.sampler} ({arm.name}, {arm.strength:g} Å)"
    return (
        f"{how}, {percent(own['rate'])} of {own['n']} structures satisfy it "
        f"({level:g} % interval {_interval(own)}), against {others}."
    )


def _conditions(decisive: Sequence[Row], against: Sequence[str]) -> Iterator[str]:
    """What the reader of the p-values must know: units, missing comparisons, the family."""
    own = decisive[0]
    if own[Col.TEST_USED] and "lineage" in own[Col.TEST_USED]:
        base = " and ".join(f"{row[Col.MDE_N_REFERENCE]} {row['comparison']}" for row in decisive)
        yield f"The test takes one structure of each lineage: {own[Col.MDE_N]} guided, {base}."
    missing = [name for name in CONFIRMED_AGAINST if name not in against]
    if missing:
        yield f"There is no {missing[0]} arm: the comparison with it is missing."
    if own["family"] != "confirmatory":
        yield "The constraint was not declared primary: the test is exploratory."


def _missed(decisive: Sequence[Row]) -> Iterator[str]:
    """What a comparison without a significant rise could have shown."""
    silent = [row for row in decisive if row[Col.SIGNIFICANT] is False and row[Col.MDE_RATE_REFERENCE] < 1]
    if not silent:
        return
    rises = [row[Col.MINIMAL_DETECTABLE_EFFECT] for row in silent]
    if None in rises:
        yield "So few were tested that even a rise to 100 % would often be missed."
    else:
        points = percent(max(rises)).removesuffix(" %")
        yield f"A rise by {points} percentage points would be shown in four of five such campaigns."


def _against(row: Row) -> str:
    return f"{percent(row[Col.RATE_REFERENCE])} of {row['n_reference']} {row['comparison']} ({_p(row)})"


def _p(row: Row) -> str:
    """Both p-values, each by its name; the verdict follows the adjusted one."""
    adjusted = p_text(row[Col.P_ADJUSTED]).removeprefix("p ").removeprefix("= ")
    return f"{p_text(row[Col.P_USED])} unadjusted, {adjusted} adjusted"


def _interval(row: Row) -> str:
    if row["cluster_bootstrap_low"] is not None:
        low, high = row["cluster_bootstrap_low"], row["cluster_bootstrap_high"]
        return f"{percent_interval(low, high)}, by lineage"
    return percent_interval(row["ci_low"], row["ci_high"])


def _outcome(by: dict[tuple[str, str], Row], outcome: str) -> str | None:
    rows = [by[c, outcome] for c in CONFIRMED_AGAINST if (c, outcome) in by]
    if not rows:
        return None
    if not any(row["n"] for row in rows):
        return f"{NAMES[outcome]}: not measured."
    others = ", ".join(_against(row) for row in rows)
    shown = all(row[Col.SIGNIFICANT] for row in rows)
    word = "the rise is shown" if shown else "a rise is not shown"
    if not shown and any(row[Col.SIGNIFICANT] for row in rows):
        word = "the rise is shown against one of them only"
    return f"{NAMES[outcome]} (exploratory): {percent(rows[0]['rate'])} against {others}; {word}."


def _late(by: dict[tuple[str, str], Row], arm: ArmPlan) -> str | None:
    raw, kept = by.get(("late", Col.SATISFIED)), by.get(("late", Col.PERSISTENT))
    if raw is None or kept is None:
        return None
    said = (
        "The late arm is guided at the end of the trajectory only, without particles: "
        f"{percent(raw[Col.RATE_REFERENCE])} of it are satisfied and {percent(kept[Col.RATE_REFERENCE])} "
        f"persistent, against {percent(raw['rate'])} and {percent(kept['rate'])} of {arm.name}."
    )
    if kept[Col.P_USED] is None:
        return said
    shown = "is" if kept[Col.SIGNIFICANT] else "is not"
    return f"{said} That {arm.name} gives more persistent structures {shown} shown ({_p(kept)})."
