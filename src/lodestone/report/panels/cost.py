"""What a success costs beside rejection, and how a pilot chose the strength."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from lodestone.columns import Col
from lodestone.pilot.record import tried_table
from lodestone.report import texts
from lodestone.report.cells import View, plain_view
from lodestone.report.figures.cost import cost_figure
from lodestone.report.panel import Panel
from lodestone.report.reading import ReportData
from lodestone.report.texts import HEADS

PLACE = 30
CATEGORY = "guidance"
SHOWN = (
    *("method", "arm", Col.STRENGTH, "outcome", "n", "successes"),
    *(Col.PASSES_PER_STRUCTURE, Col.PASSES_PER_SUCCESS, "passes_per_success_low", "passes_per_success_high"),
    *(
        "ratio",
        "ratio_low",
        "ratio_high",
        Col.SECONDS_PER_STRUCTURE,
        Col.SECONDS_PER_SUCCESS,
        "device",
        "note",
    ),
)
"""Columns of the table on the page; the files hold all of them."""


def panels(data: ReportData) -> Iterator[Panel]:
    """Cost of a success, and the pilots behind the strength."""
    yield _cost(data)
    yield from _pilot(data)


def _cost(data: ReportData) -> Panel:
    """Cost of every outcome and arm, by constraint."""
    table = data.statistics["cost"]
    names = [c["name"] for c in data.summary["constraints"]]
    parts = {name: table.filter(pl.col("constraint") == name) for name in names}
    drawn = [(name, cost_figure(rows)) for name, rows in parts.items()]
    return Panel(
        "cost",
        "Cost beside rejection",
        texts.COST,
        tuple((name, figure) for name, figure in drawn if figure is not None),
        tuple((_title(c), _view(parts[str(c["name"])])) for c in _constraints(data)),
        missing="No cost is defined: nothing satisfied a constraint, or the passes are not known.",
    )


def _pilot(data: ReportData) -> Iterator[Panel]:
    """What the pilots tried, where the strength was theirs to choose."""
    pilots = [c["pilot"] for c in _constraints(data) if c.get("pilot")]
    if pilots:
        tables = tuple((_chosen(p), plain_view(tried_table(p), HEADS)) for p in pilots)
        yield Panel("pilot", "Pilot", texts.PILOT, tables=tables)


def _constraints(data: ReportData) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data.summary["constraints"]
    return found


def _view(rows: pl.DataFrame) -> View:
    return plain_view(rows.select(SHOWN), HEADS)


def _title(constraint: dict[str, Any]) -> str:
    words = constraint.get("cost")
    told = f": {'; '.join(map(str, words))}" if isinstance(words, list) and words else ""
    return f"{constraint['name']}{told}"


def _chosen(pilot: dict[str, Any]) -> str:
    bounds = "" if pilot["within_bounds"] else ", out of bounds"
    return f"{pilot['constraint']}: {pilot['strength']:g} Å{bounds}: {pilot['reason']}"
