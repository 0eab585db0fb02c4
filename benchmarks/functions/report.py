"""Rates per question and arm, and their ratios to rejection, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.functions.questions import QUESTIONS
from benchmarks.shared.pages import Place, Result, table
from lodestone.columns import Col


def tables(result: Result) -> str:
    """The tables of the result, one per question."""
    parts = []
    for question, title in QUESTIONS.items():
        own = [row for row in result["rows"] if row["question"] == question]
        relaxed = all(Col.PERSISTENT in row["outcomes"] for row in own)
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
            raw = row["outcomes"][Col.SATISFIED]
            line = [
                row["arm"].partition(", symmetry")[0], f"{row['n']} ({row['lineages']})", raw["count"],
                _three(raw["rate"], 100), _three(raw["per_1000_passes"], 1), _ratio(row, Col.SATISFIED),
                row["distinct"]["count"],
            ]  # fmt: skip
            if relaxed:
                line += [_three(row["outcomes"][Col.PERSISTENT]["rate"], 100), _ratio(row, Col.PERSISTENT)]
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


PLACES = (Place("functions", "functions.md", tables),)
