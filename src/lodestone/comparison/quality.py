"""Diversity and attrition of two campaigns side by side; no test, for they depend on how many were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lodestone.comparison.pairs import ArmPair
from lodestone.comparison.sides import Side
from lodestone.statistics.attrition import STAGES

SHARES = {"unique_share": "unique", "novel_share": "novel", "sun_rate": "sun"}
"""Share of the table of diversity -> how its bounds begin."""
COUNTS = ("n", "screened", "distinct", "distinct_formulas", "distinct_space_groups", "novel", "sun")


def quality_rows(a: Side, b: Side, pairs: Sequence[ArmPair]) -> list[dict[str, Any]]:
    """Per pair of arms: counts and shares of diversity with intervals, and what each stage leaves."""
    return [
        {"arms": pair.label, "arm_a": pair.a["name"], "arm_b": pair.b["name"]}
        | {"a": _side(a, pair.a["name"]), "b": _side(b, pair.b["name"])}
        for pair in pairs
    ]


def _side(side: Side, arm: str) -> dict[str, Any]:
    diversity = _first(side.tables["diversity"].filter(pl.col("arm") == arm))
    stages = side.tables["attrition"].filter(pl.col("arm") == arm)
    left = dict(stages.select("stage", "share_of_generated").rows())
    return (
        {name: diversity.get(name) for name in COUNTS}
        | {
            share: [diversity.get(share), diversity.get(f"{stem}_low"), diversity.get(f"{stem}_high")]
            for share, stem in SHARES.items()
        }
        | {"left": {stage: left.get(stage) for stage in STAGES}}
    )


def _first(rows: pl.DataFrame) -> Mapping[str, Any]:
    return rows.row(0, named=True) if rows.height else {}
