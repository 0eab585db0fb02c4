"""How strong? Rates of success and quality against the strength of guidance."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from lodestone.pilot.record import tried_table
from lodestone.report import texts
from lodestone.report.figures.sweep import pilot_tables, quality_table, sweep_figure, sweep_table, swept
from lodestone.report.panel import Panel
from lodestone.report.reading import ReportData

PLACE = 20
CATEGORY = "guidance"


def panels(data: ReportData) -> Iterator[Panel]:
    """A panel where several strengths were sampled, or tried by a pilot."""
    figures = tuple(
        (title, figure) for title, tables in _sweeps(data) if (figure := sweep_figure(*tables)) is not None
    )
    if figures:
        yield Panel("sweep", "How strong?", texts.SWEEP, figures)


def _sweeps(data: ReportData) -> Iterator[tuple[str, tuple[pl.DataFrame, pl.DataFrame]]]:
    alpha = data.summary["alpha"]
    for constraint in data.summary["constraints"]:
        rates = sweep_table(data.statistics["rates"], constraint["name"])
        if swept(rates):
            yield constraint["name"], (rates, quality_table(data.candidates, rates, alpha))
        if constraint.get("pilot"):
            tried = tried_table(constraint["pilot"])
            yield f"{constraint['name']}: trials of the pilot", pilot_tables(tried, alpha)
