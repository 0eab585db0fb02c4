"""Rates, ratios and distinct structures from the judged samples of `functions`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.functions.questions import ASKED
from benchmarks.shared.rates import Rate, distinct_weights, leaders, rate
from lodestone.columns import Col

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from lodestone.config.campaign import Campaign

OUTCOMES = (Col.SATISFIED, Col.PERSISTENT)
TINY = 1e-15


def rows(judged: Mapping[str, Sequence[pl.DataFrame]], asked: Campaign) -> list[dict[str, Any]]:
    """One row per question and arm; the seeds of an arm are pooled, with lineages of their own."""
    found = []
    for question, names in ASKED.items():
        base = _pooled(judged[names[0]])
        for name in names:
            found.append(_row(question, name, _pooled(judged[name]), base, asked))
            found[-1]["by_seed"] = [
                round(float(_met(t, question, Col.SATISFIED).mean()), 4) for t in judged[name]
            ]
    return found


def ratio(of: Rate, to: Rate) -> dict[str, float | None]:
    """The ratio of two independent rates with a 95 % interval; None: not defined, or unbounded above.

    From the intervals of both rates (Donner & Zou, Stat. Methods Med. Res. 21, 347, 2012, MOVER-R).
    """
    product = of.value * to.value

    def bound(own: float, other: float, sign: float) -> float | None:
        first, bottom = own * (2 * of.value - own), other * (2 * to.value - other)
        if abs(bottom) < TINY:
            return None if sign > 0 or product == 0 else first / (2 * product)
        return max(0.0, (product + sign * math.sqrt(max(0.0, product**2 - first * bottom))) / bottom)

    return {
        "value": of.value / to.value if to.value > 0 else None,
        "low": bound(of.low, to.high, -1.0),
        "high": bound(of.high, to.low, 1.0),
    }


def _row(question: str, arm: str, table: pl.DataFrame, base: pl.DataFrame, asked: Campaign) -> dict[str, Any]:
    import numpy as np

    from lodestone.workflow.stages import settings

    lineage, passes = table[Col.LINEAGE].to_numpy(), float(table["passes"].mean())  # type: ignore[arg-type]
    outcomes = {}
    for outcome in [o for o in OUTCOMES if _there(table, question, o) and _there(base, question, o)]:
        own, other = (
            rate(_met(t, question, outcome).astype(float), t[Col.LINEAGE].to_numpy()) for t in (table, base)
        )
        outcomes[outcome] = {
            "count": int(_met(table, question, outcome).sum()),
            "rate": [own.value, own.low, own.high],
            "per_1000_passes": [1000 * x / passes for x in (own.value, own.low, own.high)],
            "ratio": ratio(own, other),
        }
    met = _met(table, question, Col.SATISFIED) & table[Col.VALID].to_numpy()
    weights = distinct_weights(met, leaders(table, met, settings("deduplicate", asked)))
    kept = rate(weights, lineage)
    return {
        "question": question, "arm": arm, "n": len(table), "lineages": len(np.unique(lineage)),
        "passes": passes, "cpu_seconds": float(table["cpu_seconds"].mean()),  # type: ignore[arg-type]
        "valid": float(table[Col.VALID].mean()),  # type: ignore[arg-type]
        "failed": int(table["failed"].sum()), "outcomes": outcomes,
        "distinct": {"count": round(float(weights.sum())), "rate": [kept.value, kept.low, kept.high]},
    }  # fmt: skip


def _pooled(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The tables of all seeds; a lineage of one seed is none of another."""
    import polars as pl

    numbered = [
        part.with_columns((pl.col(Col.LINEAGE).cast(pl.Int64) + k * 1_000_000).alias(Col.LINEAGE))
        for k, part in enumerate(parts)
    ]
    return pl.concat(numbered)


def _there(table: pl.DataFrame, question: str, outcome: str) -> bool:
    return f"{question}.{outcome}" in table.columns


def _met(table: pl.DataFrame, question: str, outcome: str) -> np.ndarray:
    found: np.ndarray = table[f"{question}.{outcome}"].fill_null(value=False).to_numpy()
    return found
