"""Did guidance work? Rates of every arm, and each guided or late arm against its comparisons.

Failed structures count as not satisfied (intention to treat); the columns `*_finite` follow the other
convention, in which only finite structures are counted. Where structures share lineages, intervals
are bootstrapped over lineages and the test that counts takes one structure of each lineage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.columns.schemas import RATES, SUCCESS
from lodestone.inference.intervals import UNDEFINED, newcombe, risk_ratio, risk_ratio_interval, wilson
from lodestone.inference.power import minimal_detectable_effect
from lodestone.inference.tests import benjamini_hochberg, holm, larger, threshold
from lodestone.runtime.seeds import derive_seed
from lodestone.statistics.lineages import (
    cluster_difference_interval,
    cluster_interval,
    mean_of_lineages,
    one_per_lineage,
)
from lodestone.statistics.outcomes import OUTCOMES, Sample, can_relax, sample
from lodestone.statistics.plan import ArmPlan, ConstraintPlan, Plan

CONFIRMED_AGAINST = ("unguided", "control")
CONFIRMED_OUTCOME = Col.SATISFIED

UNEQUAL = 2
"""How many times larger a group may be than the other before the note says so."""

Row = dict[str, Any]


def rates(arms: Mapping[str, pl.DataFrame], plan: Plan) -> pl.DataFrame:
    """Rate of every constraint × arm × outcome, also of arms that were guided by something else."""
    relaxed = can_relax(arms)
    rows = [
        _head(constraint, arm, outcome)
        | _rate(sample(arms[arm.name], constraint.name, outcome, relaxed=relaxed), arm, plan)
        for constraint in plan.constraints
        for arm in plan.arms
        for outcome in OUTCOMES
    ]
    return pl.DataFrame(rows, schema=RATES, orient="row")


def success(arms: Mapping[str, pl.DataFrame], plan: Plan) -> pl.DataFrame:
    """One row per constraint × guided or late arm × comparison × outcome, p-values adjusted.

    Confirmatory family (Holm): primary constraints, guided arm of the last strength, outcome
    `satisfied`, against unguided and control. Every other row is exploratory (Benjamini-Hochberg).
    """
    rows = list(_comparisons(arms, plan))
    for family, adjust in (("confirmatory", holm), ("exploratory", benjamini_hochberg)):
        members = [row for row in rows if row["family"] == family]
        for row, p in zip(members, adjust([r[Col.P_USED] for r in members]), strict=True):
            row[Col.P_ADJUSTED] = p
            row[Col.SIGNIFICANT] = None if p is None else p < threshold(plan.alpha)
        _add_detectable(members, plan.alpha)
    return pl.DataFrame(rows, schema=SUCCESS, orient="row")


def _add_detectable(family: list[Row], alpha: float) -> None:
    """Add the minimal detectable effect at the level that the correction surely leaves to a test.

    That is alpha over the number of defined tests of the family: the first step of Holm, and the strictest
    of Benjamini and Hochberg. Where other tests of the family succeed, the true level is more generous.
    """
    tested = [row for row in family if row[Col.P_USED] is not None]
    for row in tested:
        level = alpha / len(tested)
        effect = minimal_detectable_effect(
            row[Col.MDE_N], row[Col.MDE_N_REFERENCE], row[Col.MDE_RATE_REFERENCE], level
        )
        row["note"] = row["note"] or _unequal(row)
        row |= {"mde_level": level, Col.MINIMAL_DETECTABLE_EFFECT: effect.value, "mde_method": effect.method}


def _unequal(row: Row) -> str | None:
    """The z-test of a small group against a large one is somewhat too eager; see docs/statistics.md."""
    small, large = sorted((row[Col.MDE_N], row[Col.MDE_N_REFERENCE]))
    if not row[Col.TEST_USED].startswith("z") or large <= UNEQUAL * small:
        return None
    return f"groups of unequal size ({small} and {large}): the z-test is somewhat too eager; see Fisher's p"


def _comparisons(arms: Mapping[str, pl.DataFrame], plan: Plan) -> Iterator[Row]:
    relaxed = can_relax(arms)

    @cache  # an arm is compared with several, and several with it
    def judged(arm: str, constraint: str, outcome: str) -> Sample:
        return sample(arms[arm], constraint, outcome, relaxed=relaxed)

    for constraint in plan.constraints:
        for arm in plan.arms_of(constraint.name):
            for comparison in plan.comparisons:
                reference = plan.compared_with(arm, comparison)
                if reference is None:
                    continue
                for outcome in OUTCOMES:
                    own, other = (judged(a.name, constraint.name, outcome) for a in (arm, reference))
                    yield (
                        _head(constraint, arm, outcome)
                        | {"comparison": comparison, Col.REFERENCE_ARM: reference.name}
                        | _family(constraint, arm, comparison, outcome, plan)
                        | _rate(own, arm, plan)
                        | _compare(own, other, plan)
                        | _by_lineage(own, other, arm, reference, plan)
                    )


def _head(constraint: ConstraintPlan, arm: ArmPlan, outcome: str) -> Row:
    return {
        "constraint": constraint.name,
        "primary": constraint.primary,
        "arm": arm.name,
        Col.ARM_KIND: arm.kind,
        "guided_by": arm.constraint,
        Col.STRENGTH: arm.strength,
        "outcome": outcome,
    }


def _family(constraint: ConstraintPlan, arm: ArmPlan, comparison: str, outcome: str, plan: Plan) -> Row:
    confirmatory = (
        constraint.primary
        and arm == plan.primary_arm(constraint.name)
        and comparison in CONFIRMED_AGAINST
        and outcome == CONFIRMED_OUTCOME
    )
    return {
        "family": "confirmatory" if confirmatory else "exploratory",
        "adjustment": "holm" if confirmatory else "benjamini-hochberg",
    }


def _rate(own: Sample, arm: ArmPlan, plan: Plan) -> Row:
    interval = wilson(own.successes, own.n, plan.alpha)
    finite = wilson(own.successes, own.n_finite, plan.alpha)
    cluster = cluster_interval(own, _rng(plan, "bootstrap", arm), plan.alpha) if own.clustered else UNDEFINED
    return {
        "n": own.n,
        "successes": own.successes,
        "rate": _share(own.successes, own.n),
        "ci_low": interval.low,
        "ci_high": interval.high,
        "n_finite": own.n_finite,
        "rate_finite": _share(own.successes, own.n_finite),
        "ci_low_finite": finite.low,
        "ci_high_finite": finite.high,
        "n_lineages": own.n_lineages,
        "cluster_bootstrap_low": cluster.low,
        "cluster_bootstrap_high": cluster.high,
        "note": _rate_note(own),
    }


def _rate_note(own: Sample) -> str | None:
    if not own.measured:
        return "not measured in this arm"
    return None if own.n else "not defined: no structure was generated"


def _compare(own: Sample, other: Sample, plan: Plan) -> Row:
    counts = (own.successes, own.n, other.successes, other.n)
    finite = (own.successes, own.n_finite, other.successes, other.n_finite)
    test, test_finite = larger(*counts), larger(*finite)
    difference, ratio = newcombe(*counts, plan.alpha), risk_ratio_interval(*counts, plan.alpha)
    return {
        "n_reference": other.n,
        "successes_reference": other.successes,
        Col.RATE_REFERENCE: _share(other.successes, other.n),
        "difference": _difference(own.successes, own.n, other.successes, other.n),
        "diff_low": difference.low,
        "diff_high": difference.high,
        "risk_ratio": risk_ratio(*counts),
        "risk_ratio_low": ratio.low,
        "risk_ratio_high": ratio.high,
        "z": test.z,
        "p_value": test.p_value,
        "fisher_p": test.fisher_p,
        Col.TEST_USED: test.used,
        Col.P_USED: test.p_used,
        Col.MDE_N: own.n,
        Col.MDE_N_REFERENCE: other.n,
        Col.MDE_RATE_REFERENCE: _share(other.successes, other.n),
        "n_finite_reference": other.n_finite,
        "rate_finite_reference": _share(other.successes, other.n_finite),
        "difference_finite": _difference(*finite),
        "p_value_finite": test_finite.p_value,
        "fisher_p_finite": test_finite.fisher_p,
        "note": _rate_note(own) or _rate_note(other) or test.note,
    }


def _by_lineage(own: Sample, other: Sample, arm: ArmPlan, reference: ArmPlan, plan: Plan) -> Row:
    if not (own.clustered or other.clustered) or not (own.n and other.n):
        return {}
    rngs = (_rng(plan, "bootstrap", arm), _rng(plan, "bootstrap", reference))
    interval = cluster_difference_interval(own, other, rngs, plan.alpha)
    one = one_per_lineage(own, _rng(plan, "one per lineage", arm))
    base = one_per_lineage(other, _rng(plan, "one per lineage", reference))
    test = larger(one.successes, one.n, base.successes, base.n)
    return {
        "n_lineages_reference": other.n_lineages,
        "cluster_bootstrap_diff_low": interval.low,
        "cluster_bootstrap_diff_high": interval.high,
        "one_per_lineage_rate": _share(one.successes, one.n),
        "one_per_lineage_rate_reference": _share(base.successes, base.n),
        "one_per_lineage_p_value": test.p_value,
        "one_per_lineage_fisher_p": test.fisher_p,
        Col.TEST_USED: f"{test.used}, one structure per lineage" if test.used else None,
        Col.P_USED: test.p_used,
        Col.MDE_N: one.n,
        Col.MDE_N_REFERENCE: base.n,
        Col.MDE_RATE_REFERENCE: mean_of_lineages(other),
    }


def _rng(plan: Plan, purpose: str, arm: ArmPlan) -> np.random.Generator:
    return np.random.default_rng(derive_seed(plan.seed, purpose, arm.name))


def _share(successes: int, n: int) -> float | None:
    return successes / n if n else None


def _difference(successes: int, n: int, successes_reference: int, n_reference: int) -> float | None:
    if not (n and n_reference):
        return None
    return successes / n - successes_reference / n_reference
