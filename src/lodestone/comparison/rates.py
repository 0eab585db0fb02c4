"""Rates of two campaigns side by side, tested in either direction as one family. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.comparison.sides import ArmPair, Side
from lodestone.inference.intervals import Interval, newcombe
from lodestone.inference.power import minimal_detectable_effect
from lodestone.inference.tests import benjamini_hochberg, different, threshold
from lodestone.runtime.seeds import derive_seed
from lodestone.statistics.cost import Rate, ratio
from lodestone.statistics.lineages import (
    cluster_difference_interval,
    mean_of_lineages,
    one_per_lineage,
    rate_interval,
)
from lodestone.statistics.outcomes import OUTCOMES, Sample, can_relax, finite_mask, sample

Row = dict[str, Any]


def compared(a: Sample, b: Sample, alpha: float, seed: int) -> Row:
    """Rates of two samples with intervals, B minus A with its interval, and the two-sided p.

    Where structures share lineages, intervals are over lineages and the test takes one structure of each.
    Both samples are drawn by the same seed, so that a campaign compared with itself does not differ.
    """
    if not (a.n and b.n):
        empty = [side for side, sample in (("A", a), ("B", b)) if not sample.n]
        why = "not measured or not generated in " + " and ".join(empty)
        return _side("a", a, alpha, seed) | _side("b", b, alpha, seed) | _undefined(why)
    clustered = a.clustered or b.clustered
    rngs = np.random.default_rng(seed), np.random.default_rng(seed)
    interval = (
        cluster_difference_interval(b, a, rngs, alpha)
        if clustered
        else newcombe(b.successes, b.n, a.successes, a.n, alpha)
    )
    one, other = (_independent(sample, seed) if clustered else sample for sample in (a, b))
    test = different(other.successes, other.n, one.successes, one.n)
    used = f"{test.used}, one structure per lineage" if clustered and test.used else test.used
    return (
        _side("a", a, alpha, seed)
        | _side("b", b, alpha, seed)
        | {
            "difference": b.successes / b.n - a.successes / a.n,
            "low": interval.low,
            "high": interval.high,
            "test": used,
            "p": test.p_used,
            "note": test.note,
        }
    )


def detectable(a: Sample, b: Sample, level: float) -> tuple[float | None, float | None]:
    """Smallest rise and smallest fall of B against A that the two-sided test at `level` finds in 80 %.

    None where not even the largest would be found so often. Structures that share lineages count as one.
    """
    if not (a.n and b.n):
        return None, None
    clustered = a.clustered or b.clustered
    sizes = (b.n_lineages, a.n_lineages) if clustered else (b.n, a.n)
    rate = mean_of_lineages(a) if clustered else a.successes / a.n
    return (
        minimal_detectable_effect(*sizes, rate, level / 2).value,
        minimal_detectable_effect(*sizes, 1 - rate, level / 2).value,
    )


def _independent(sample: Sample, seed: int) -> Sample:
    return one_per_lineage(sample, np.random.default_rng(seed))


def _side(name: str, sample: Sample, alpha: float, seed: int) -> Row:
    known = bool(sample.n)
    interval = rate_interval(sample, np.random.default_rng(seed), alpha) if known else None
    return {
        f"{name}_n": sample.n,
        f"{name}_successes": sample.successes,
        f"{name}_rate": sample.successes / sample.n if known else None,
        f"{name}_low": interval.low if interval else None,
        f"{name}_high": interval.high if interval else None,
        f"{name}_lineages": sample.n_lineages,
    }


def _undefined(note: str) -> Row:
    return dict.fromkeys(("difference", "low", "high", "test", "p")) | {"note": note}


VALID = "valid"
"""The outcome that depends on no constraint."""


def rate_rows(a: Side, b: Side, pairs: Mapping[tuple[str, str], list[ArmPair]]) -> list[Row]:
    """One row per constraint of both, pair of arms and outcome, with adjusted p (Benjamini-Hochberg).

    Validity is tested once per pair of arms. Each row also has the smallest differences that its test,
    at the level of the family's strictest step, would have found in 80 % of cases.
    """
    alpha = min(float(a.summary["alpha"]), float(b.summary["alpha"]))
    found = list(_samples(a, b, pairs))
    rows = [head | compared(*both, alpha, _seed(head)) | _cost(a, b, head) for head, both in found]
    defined = sum(row["p"] is not None for row in rows)
    for row, (_, both), p in zip(rows, found, benjamini_hochberg([r["p"] for r in rows]), strict=True):
        row[Col.P_ADJUSTED] = p
        row["differs"] = None if p is None else p < threshold(alpha)
        row["rise_seen"], row["fall_seen"] = detectable(*both, alpha / max(1, defined))
    return rows


def _samples(
    a: Side, b: Side, pairs: Mapping[tuple[str, str], list[ArmPair]]
) -> list[tuple[Row, tuple[Sample, Sample]]]:
    relaxed = [
        can_relax({arm["name"]: side.arm(arm["name"]) for arm in side.summary["arms"]}) for side in (a, b)
    ]
    found: list[tuple[Row, tuple[Sample, Sample]]] = []
    valid: set[tuple[str, str]] = set()
    for (one, other), arms in pairs.items():
        for pair in arms:
            rows = a.arm(pair.a["name"]), b.arm(pair.b["name"])
            head = {"arms": pair.label, "arm_a": pair.a["name"], "arm_b": pair.b["name"]}
            for outcome in OUTCOMES:
                both = tuple(
                    sample(table, name, outcome, relaxed=can)
                    for table, name, can in zip(rows, (one, other), relaxed, strict=True)
                )
                row = {"constraint": one, "constraint_b": other} | head | {"outcome": outcome}
                found.append((row, (both[0], both[1])))
            names = (pair.a["name"], pair.b["name"])
            if names not in valid:
                valid.add(names)
                row = {"constraint": None, "constraint_b": None} | head | {"outcome": VALID}
                found.append((row, (_valid(rows[0]), _valid(rows[1]))))
    return found


def _valid(rows: pl.DataFrame) -> Sample:
    good = rows[Col.VALID].fill_null(value=False).to_numpy().astype(bool)
    finite = finite_mask(rows)
    return Sample(np.asarray(good & finite), finite, rows[Col.LINEAGE].to_numpy())


def _seed(head: Mapping[str, Any]) -> int:
    """By what is compared and not by the side; the same for a campaign and itself."""
    return derive_seed(0, "compare", str(head["constraint"]), str(head["arms"]))


def _cost(a: Side, b: Side, head: Mapping[str, Any]) -> Row:
    """Network passes per success of B over those of A, with an interval; None where not defined."""
    empty = dict.fromkeys(("cost_a", "cost_b", "cost_ratio", "cost_ratio_low", "cost_ratio_high"))
    if head["constraint"] is None:
        return empty
    ours = _cost_row(a, head["constraint"], head["arm_a"], head["outcome"])
    theirs = _cost_row(b, head["constraint_b"], head["arm_b"], head["outcome"])
    each = [row.get(Col.PASSES_PER_STRUCTURE) for row in (ours, theirs)]
    if None in each or None in (ours.get("rate"), theirs.get("rate")):
        return empty
    own, base = (Rate(r["rate"], Interval(r["rate_low"], r["rate_high"])) for r in (theirs, ours))
    middle, interval = ratio(own, base)
    factor = float(str(each[1])) / float(str(each[0]))
    return {
        "cost_a": ours[Col.PASSES_PER_SUCCESS],
        "cost_b": theirs[Col.PASSES_PER_SUCCESS],
        "cost_ratio": None if middle is None else factor * middle,
        "cost_ratio_low": None if interval.low is None else factor * interval.low,
        "cost_ratio_high": None if interval.high is None else factor * interval.high,
    }


def _cost_row(side: Side, constraint: str, arm: str, outcome: str) -> Row:
    rows = side.tables["cost"].filter(
        pl.col("constraint") == constraint, pl.col("arm") == arm, pl.col("outcome") == outcome
    )
    return rows.row(0, named=True) if rows.height else {}
