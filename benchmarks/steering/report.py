"""Rates of every arm of a plan as a table, and the short one of docs/guidance.md: the confirmed default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.shared.pages import Place, Result, table
from lodestone.columns import Col

SHOWN = (Col.SATISFIED, Col.PERSISTENT, Col.RELAXED_SATISFIED)
ARMS = ("unguided", "control", "late", "default")


def tables(result: Result) -> str:
    """Rates of every arm with intervals by lineage, and p against what it is compared with."""
    several = len({(r["checkpoint"], r["seed"]) for r in result["rows"]}) > 1
    order = list(dict.fromkeys(r["case"] for r in result["rows"]))
    rows = [
        [
            row["case"], *([Path(row["checkpoint"]).name, row["seed"]] if several else []), row["arm"],
            row["n"], row["lineages"], f"{100 * row['valid']:.0f}",
            *(_percent(row["outcomes"][o]["rate"]) for o in SHOWN), _percent(row["distinct_persistent"]),
            row["formulas"], f"{row['passes']:.0f}", f"{row['cpu_seconds']:.2f}", *_tests(row),
        ]
        for case in order for row in result["rows"] if row["case"] == case
    ]  # fmt: skip
    head = [
        "constraint", *(["checkpoint", "seed"] if several else []), "arm", "n", "lineages", "valid, %",
        "satisfied, %", "persistent, %", "relaxed, then satisfied, %", "distinct persistent, %", "formulas",
        "passes per structure", "CPU s per structure", "p persistent: unguided, control, late",
        "p relaxed: unguided, control, late",
    ]  # fmt: skip
    return table(head, rows)


def _percent(rate: Sequence[float]) -> str:
    return "{:.0f} ({:.0f}–{:.0f})".format(*(100 * r for r in rate))


def _tests(row: dict[str, Any]) -> list[str]:
    found = []
    for outcome in (Col.PERSISTENT, Col.RELAXED_SATISFIED):
        p = row["outcomes"][outcome]["p"]
        values = [p.get(name) for name in ("unguided", "control", "late")]
        found.append(", ".join("–" if v is None else f"{v:.1g}" for v in values) if p else "")
    return found


def summary(result: Result) -> str:
    """The confirmed default, on how many runs each claim holds, and how many structures are valid."""
    return f"{confirmed(result)} {validity(result)}"


def confirmed(result: Result) -> str:
    """Per constraint and outcome the range of rates over seeds and checkpoints, and the p-values."""
    rows = result["rows"]
    runs = sorted({(r["checkpoint"], r["seed"]) for r in rows})
    lines = []
    for case in dict.fromkeys(r["case"] for r in rows if r["arm"] == "default"):
        for outcome in SHOWN:
            own = [r for r in rows if r["case"] == case and r["arm"] == "default"]
            shares = [_range(rows, case, arm, outcome) for arm in ARMS]
            lines.append([f"`{case}`", outcome.replace("_", " "), *shares, *_holds(own, outcome, len(runs))])
    head = [
        "constraint", "outcome", *(f"{arm}, %" for arm in ARMS),
        "above unguided", "above control", "above late",
    ]  # fmt: skip
    return table(head, lines) + (
        f"\n\nLowest to highest of {len(runs)} runs, in brackets the mean. "
        "*Above*: in how many runs p < 0.05, and the largest p."
    )


def validity(result: Result) -> str:
    """The range of shares of valid structures, arm by arm."""
    parts = []
    for arm in ARMS:
        found = [100 * r["valid"] for r in result["rows"] if r["arm"] == arm]
        parts.append(f"{arm} {min(found):.0f}–{max(found):.0f} %")
    return "Valid structures: " + ", ".join(parts) + "."


def _range(rows: list[dict[str, Any]], case: str, arm: str, outcome: str) -> str:
    found = [100 * r["outcomes"][outcome]["rate"][0] for r in rows if r["case"] == case and r["arm"] == arm]
    return f"{min(found):.0f}–{max(found):.0f} ({sum(found) / len(found):.0f})"


def _holds(own: list[dict[str, Any]], outcome: str, runs: int) -> list[str]:
    cells = []
    for name in ("unguided", "control", "late"):
        p = [r["outcomes"][outcome]["p"][name] for r in own]
        known = [1.0 if value is None else value for value in p]
        cells.append(f"{sum(value < 0.05 for value in known)} of {runs} ({max(known):.1g})")
    return cells


PLACES = (
    Place("steering-confirm", "benchmarks.md", tables),
    Place("steering-confirm", "guidance.md", summary, own_mark="summary"),
)
