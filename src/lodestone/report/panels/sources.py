"""Where the known crystals came from, and what did not come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lodestone.report import texts
from lodestone.report.cells import Cell, Column, View, count_cell, rows_of
from lodestone.report.panel import Panel
from lodestone.report.reading import ReportData
from lodestone.statistics.notes import brief

PLACE = 130
CATEGORY = "sources"
COLUMNS = (
    Column("source"),
    Column("kind"),
    Column("came"),
    Column("references", numeric=True),
    Column("retrieved"),
    Column("licence"),
    Column("no reference", "entries that could not be used, and why"),
    Column("what is missing"),
)


def panels(data: ReportData) -> Iterator[Panel]:
    """One row per source, in the order in which they were asked."""
    view = View(COLUMNS, rows_of(_row(source) for source in data.sources))
    yield Panel(
        "sources",
        "Sources of known crystals",
        texts.SOURCES,
        tables=(("", view),) if data.sources else (),
        missing="" if data.sources else "What came of the sources is not on record.",
    )


def _row(source: Mapping[str, Any]) -> list[Cell]:
    left_out = sorted(source["left_out"].items(), key=lambda item: (-item[1], item[0]))
    return [
        Cell(source["name"], code=True),
        Cell(source["kind"]),
        Cell(source["state"]),
        count_cell(source["rows"]),
        Cell(_dates(source["retrieved"]), code=True),
        Cell(source["licence"] or "not stated"),
        Cell(", ".join(f"{number} {reason}" for reason, number in left_out) or "–"),
        Cell(_missing(source)),
    ]


def _missing(source: Mapping[str, Any]) -> str:
    if source["state"] == "complete":
        return "–"
    return "; ".join(filter(None, [", ".join(source["missing"]), brief(source["failure"], source["name"])]))


def _dates(retrieved: list[str] | None) -> str:
    if not retrieved:
        return "–"
    oldest, newest = (date[:10] for date in retrieved)
    return oldest if oldest == newest else f"{oldest} to {newest}"
