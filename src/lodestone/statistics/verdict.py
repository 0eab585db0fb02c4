"""The verdict on a constraint, in words that follow from the table of success and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from lodestone.statistics.outcomes import OUTCOMES
from lodestone.statistics.plan import ArmPlan, ConstraintPlan, Plan
from lodestone.statistics.success import CONFIRMED_AGAINST
from lodestone.statistics.wording import p_text, percent, percent_interval

NAMES = {
    "satisfied": "Satisfied as generated",
    "satisfied_valid": "Satisfied and valid",
    "persistent": "Persistent after relaxation",
    "relaxed_satisfied": "Relaxed, then satisfied",
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
    against = [c for c in CONFIRMED_AGAINST if (c, "satisfied") in by]
    if not against:
        return Verdict("not tested", "There is no unguided or control arm to compare with.")
    decisive = [by[c, "satisfied"] for c in against]
    if all(row["p_used"] is None for row in decisive):
        return Verdict("not tested", f"The comparison is not defined: {decisive[0]['note']}.")
    details = [_outcome(by, outcome) for outcome in OUTCOMES if outcome != "satisfied"]
    late = _late(by, arm)
    return Verdict(
        _status(decisive, complete=len(against) == len(CONFIRMED_AGAINST)),
        _sentence(decisive, arm, 100 * (1 - plan.alpha)),
        tuple(d for d in [*details, late] if d),
        _persists(by, against),
    )


def _persists(by: dict[tuple[str, str], Row], against: Sequence[str]) -> bool | None:
    shown = [by[c, "persistent"]["significant"] for c in against]
    return None if None in shown else all(shown)


def _status(decisive: Sequence[Row], *, complete: bool) -> str:
    shown = [bool(row["significant"]) for row in decisive]
    if all(shown):
        return "worked" if complete else "partly"
    return "partly" if any(shown) else "not shown"


def _sentence(decisive: Sequence[Row], arm: ArmPlan, level: float) -> str:
    own = decisive[0]
    others = " and ".join(_against(row) for row in decisive)
    chosen = " (chosen by a pilot on separate structures)" if arm.piloted else ""
    how = f"Guided elsewhere ({arm.name})" if arm.imported else f"Guided with {arm.strength:g} Å{chosen}"
    return (
        f"{how}, {percent(own['rate'])} of {own['n']} structures satisfy it "
        f"({level:g} % interval {_interval(own)}), against {others}."
    )


def _against(row: Row) -> str:
    return (
        f"{percent(row['rate_reference'])} of {row['n_reference']} {row['comparison']} "
        f"({p_text(row['p_used'])}, adjusted {p_text(row['p_adjusted']).removeprefix('p ').lstrip('= ')})"
    )


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
    shown = all(row["significant"] for row in rows)
    word = "the rise is shown" if shown else "a rise is not shown"
    if not shown and any(row["significant"] for row in rows):
        word = "the rise is shown against one of them only"
    return f"{NAMES[outcome]}: {percent(rows[0]['rate'])} against {others}; {word}."


def _late(by: dict[tuple[str, str], Row], arm: ArmPlan) -> str | None:
    raw, kept = by.get(("late", "satisfied")), by.get(("late", "persistent"))
    if raw is None or kept is None:
        return None
    shown = "is" if kept["significant"] else "is not"
    return (
        "The late arm bends finished structures only: "
        f"{percent(raw['rate_reference'])} of it are satisfied and {percent(kept['rate_reference'])} "
        f"persistent, against {percent(raw['rate'])} and {percent(kept['rate'])} of {arm.name}. Steering "
        f"before that {shown} shown to give more persistent structures "
        f"({p_text(kept['p_used'])})."
    )
