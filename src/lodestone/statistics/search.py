"""What the arms of a structure search took in evaluations, and what they found for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from lodestone.columns import SEARCH
from lodestone.statistics.plan import ArmPlan, Plan

CALLS = "estimator_calls"


def search(arms: Mapping[str, pl.DataFrame], plan: Plan) -> pl.DataFrame:
    """One row per arm that was drawn by a search; see `schemas.SEARCH` for columns."""
    rows = [_row(arm, arms[arm.name], plan.shown_below) for arm in plan.arms if _searched(arms[arm.name])]
    return pl.DataFrame(rows, schema=SEARCH, orient="row")


def _searched(rows: pl.DataFrame) -> bool:
    return CALLS in rows.columns and rows[CALLS].null_count() < rows.height


def _row(arm: ArmPlan, rows: pl.DataFrame, shown_below: float) -> dict[str, Any]:
    calls = int(rows[CALLS].sum() or 0)
    distinct = rows.filter(pl.col("is_representative").fill_null(value=False))
    low = distinct.filter(pl.col("e_above_hull") <= shown_below).height
    return {
        "arm": arm.name,
        "sampler": arm.sampler,
        "n": rows.height,
        "failed": int(rows["failed"].sum() or 0),
        "converged": int(rows["search_converged"].sum() or 0),
        CALLS: calls,
        "calls_per_structure": _share(calls, rows.height),
        "distinct": distinct.height,
        "calls_per_distinct": _share(calls, distinct.height),
        "below_hull_cut": low,
        "calls_per_below_hull_cut": _share(calls, low),
        "lowest_energy": rows["search_energy"].min(),
        "lowest_e_above_hull": rows["e_above_hull"].min(),
    }


def _share(of: float, over: int) -> float | None:
    return of / over if over else None
