"""Rates, ratios and distinct structures from the judged samples of benchmarks/functions, and their tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.costs import Rate, distinct_weights, rate

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from lodestone.config.campaign import Campaign

OUTCOMES = ("satisfied", "persistent")
TINY = 1e-15


def rows(judged: Mapping[str, Sequence[pl.DataFrame]], asked: Campaign) -> list[dict[str, Any]]:
    """One row per question and arm; the seeds of an arm are pooled, with lineages of their own."""
    from benchmarks.functions import ASKED

    found = []
    for question, names in ASKED.items():
        base = _pooled(judged[names[0]])
        for name in names:
            found.append(_row(question, name, _pooled(judged[name]), base, asked))
            found[-1]["by_seed"] = [
                round(float(_met(t, question, "satisfied").mean()), 4) for t in judged[name]
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

    lineage, passes = table["lineage"].to_numpy(), float(table["passes"].mean())  # type: ignore[arg-type]
    outcomes = {}
    for outcome in [o for o in OUTCOMES if _there(table, question, o) and _there(base, question, o)]:
        own, other = (
            rate(_met(t, question, outcome).astype(float), t["lineage"].to_numpy()) for t in (table, base)
        )
        outcomes[outcome] = {
            "count": int(_met(table, question, outcome).sum()),
            "rate": [own.value, own.low, own.high],
            "per_1000_passes": [1000 * x / passes for x in (own.value, own.low, own.high)],
            "ratio": ratio(own, other),
        }
    met = _met(table, question, "satisfied") & table["valid"].to_numpy()
    weights = distinct_weights(met, _leaders(table, met, asked))
    kept = rate(weights, lineage)
    return {
        "question": question, "arm": arm, "n": len(table), "lineages": len(np.unique(lineage)),
        "passes": passes, "cpu_seconds": float(table["cpu_seconds"].mean()),  # type: ignore[arg-type]
        "valid": float(table["valid"].mean()),  # type: ignore[arg-type]
        "failed": int(table["failed"].sum()), "outcomes": outcomes,
        "distinct": {"count": round(float(weights.sum())), "rate": [kept.value, kept.low, kept.high]},
    }  # fmt: skip


def _pooled(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The tables of all seeds; a lineage of one seed is none of another."""
    import polars as pl

    numbered = [
        part.with_columns((pl.col("lineage").cast(pl.Int64) + k * 1_000_000).alias("lineage"))
        for k, part in enumerate(parts)
    ]
    return pl.concat(numbered)


def _there(table: pl.DataFrame, question: str, outcome: str) -> bool:
    return f"{question}.{outcome}" in table.columns


def _met(table: pl.DataFrame, question: str, outcome: str) -> np.ndarray:
    found: np.ndarray = table[f"{question}.{outcome}"].fill_null(value=False).to_numpy()
    return found


def _leaders(table: pl.DataFrame, chosen: np.ndarray, asked: Campaign) -> Any:
    """The crystal of each chosen structure, compared as a campaign compares."""
    from lodestone.curation.duplicates import cluster
    from lodestone.curation.settings import similarity
    from lodestone.structures import table as tables
    from lodestone.workflow.settings import settings

    picked = table.select(list(tables.SCHEMA)).filter(chosen)
    crystals = [tables.arrays(row) for row in picked.iter_rows(named=True)]
    return cluster(crystals, similarity(settings("deduplicate", asked))).leaders[1.0]


def functions(result: dict[str, Any]) -> str:
    """The tables of the result, one per question."""
    from benchmarks.functions import QUESTIONS
    from benchmarks.report import table

    parts = []
    for question, title in QUESTIONS.items():
        own = [row for row in result["rows"] if row["question"] == question]
        relaxed = all("persistent" in row["outcomes"] for row in own)
        head = [
            "arm",
            "n (lineages)",
            "satisfied",
            "rate, %",
            "per 1000 passes",
            "ratio to rejection",
            "distinct",
        ]
        head += ["persistent, %", "ratio to rejection"] * relaxed
        cells = []
        for row in own:
            raw = row["outcomes"]["satisfied"]
            line = [
                row["arm"].partition(", symmetry")[0], f"{row['n']} ({row['lineages']})", raw["count"],
                _three(raw["rate"], 100), _three(raw["per_1000_passes"], 1), _ratio(row, "satisfied"),
                row["distinct"]["count"],
            ]  # fmt: skip
            if relaxed:
                line += [_three(row["outcomes"]["persistent"]["rate"], 100), _ratio(row, "persistent")]
            cells.append(line)
        parts.append(f"{title[0].upper()}{title[1:]}:\n\n{table(head, cells)}")
    passes = sorted({round(row["passes"]) for row in result["rows"]})
    parts.append(f"Network passes per structure: {', '.join(map(str, passes))} in every arm.")
    return "\n\n".join(parts)


def _three(values: Sequence[float], scale: float) -> str:
    value, low, high = (scale * x for x in values)
    return f"{value:.3g} ({low:.2g} to {high:.2g})"


def _ratio(row: dict[str, Any], outcome: str) -> str:
    found = row["outcomes"][outcome]["ratio"]
    if row["arm"] == "rejection" or found["value"] is None:
        return "1" if row["arm"] == "rejection" else "not defined"
    high = "unbounded" if found["high"] is None else f"{found['high']:.2g}"
    return f"{found['value']:.2g} ({found['low']:.2g} to {high})"
