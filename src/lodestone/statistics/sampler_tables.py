"""Tables of other samplers: what a search took and found, and whether what was asked strictly was kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lodestone.columns import Col
from lodestone.columns.schemas import SEARCH, STRICTNESS
from lodestone.inference.intervals import wilson
from lodestone.statistics.plan import ArmPlan, Plan

CALLS = Col.ESTIMATOR_CALLS


def search(arms: Mapping[str, pl.DataFrame], plan: Plan) -> pl.DataFrame:
    """One row per arm that was drawn by a search; see `schemas.SEARCH` for columns."""
    rows = [
        _search_row(arm, arms[arm.name], plan.shown_below) for arm in plan.arms if _searched(arms[arm.name])
    ]
    return pl.DataFrame(rows, schema=SEARCH, orient="row")


def _searched(rows: pl.DataFrame) -> bool:
    return CALLS in rows.columns and rows[CALLS].null_count() < rows.height


def _search_row(arm: ArmPlan, rows: pl.DataFrame, shown_below: float) -> dict[str, Any]:
    calls = int(rows[CALLS].sum() or 0)
    distinct = rows.filter(pl.col(Col.IS_REPRESENTATIVE).fill_null(value=False))
    low = distinct.filter(pl.col(Col.E_ABOVE_HULL) <= shown_below).height
    return {
        "arm": arm.name,
        "sampler": arm.sampler,
        "n": rows.height,
        "failed": int(rows["failed"].sum() or 0),
        "converged": int(rows[Col.SEARCH_CONVERGED].sum() or 0),
        CALLS: calls,
        Col.CALLS_PER_STRUCTURE: _share(calls, rows.height),
        "distinct": distinct.height,
        "calls_per_distinct": _share(calls, distinct.height),
        "below_hull_cut": low,
        "calls_per_below_hull_cut": _share(calls, low),
        Col.LOWEST_ENERGY: rows[Col.SEARCH_ENERGY].min(),
        Col.LOWEST_E_ABOVE_HULL: rows[Col.E_ABOVE_HULL].min(),
    }


def _share(of: float, over: int) -> float | None:
    return of / over if over else None


ASKED = Col.ASKED_SPACE_GROUP
KEPT = {"exact": "exact_group", "supergroup": "supergroup"}
"""Verdicts that count as kept -> their columns; every other counts as `other`."""


def strictness(arms: Mapping[str, pl.DataFrame], plan: Plan) -> pl.DataFrame:
    """One row per arm of the sampler symmetric × space group; see `schemas.STRICTNESS` for columns."""
    rows = [
        _strictness_row(arm.name, group, plan.alpha)
        for arm in plan.arms
        for group in _groups(arms[arm.name])
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=STRICTNESS, orient="row")


def _groups(rows: pl.DataFrame) -> Sequence[pl.DataFrame]:
    if ASKED not in rows.columns or rows[ASKED].null_count() == rows.height:
        return []
    return rows.sort(ASKED, maintain_order=True).partition_by(ASKED, maintain_order=True)


def _strictness_row(arm: str, rows: pl.DataFrame, alpha: float) -> dict[str, Any]:
    from lodestone.wyckoff.groups import space_group

    asked = int(rows[ASKED][0])
    judged = [_judged(row) for row in rows.iter_rows(named=True)]
    verdicts = Counter(KEPT.get(verdict, "other") for _, verdict in judged)
    kept = rows.height - verdicts["other"]
    interval = wilson(kept, rows.height, alpha)
    return {
        "arm": arm,
        "space_group": asked,
        "symbol": space_group(asked).symbol,
        "n": rows.height,
        "failed": int(rows["failed"].sum() or 0),
        "exact_formula": sum(exact for exact, _ in judged),
        **{name: verdicts[name] for name in (*KEPT.values(), "other")},
        "kept_share": kept / rows.height,
        "kept_low": interval.low,
        "kept_high": interval.high,
    }


def _judged(row: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether the formula is exact, and the verdict about the group; a failed structure is never kept."""
    from lodestone.structures.table import arrays
    from lodestone.wyckoff.proposals import parse
    from lodestone.wyckoff.verification import strictness as judge

    asked = parse(f"{row[ASKED]} {row[Col.ASKED_ORBITS]}")
    found = judge(*arrays(dict(row)), asked.space_group, asked.counts)
    return found.exact_formula, "failed" if row["failed"] else found.verdict
