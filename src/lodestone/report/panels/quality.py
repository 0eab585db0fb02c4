"""Quality: what structures that satisfy a constraint are worth."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from lodestone.report import texts
from lodestone.report.cells import plain_view
from lodestone.report.panel import Panel
from lodestone.report.panels.constraints import relevant
from lodestone.report.reading import ReportData
from lodestone.report.texts import HEADS

PLACE = 80
CATEGORY = "curation"


def panels(data: ReportData) -> Iterator[Panel]:
    """Forces, energies and convergence by constraint."""
    yield Panel(
        "quality",
        "Quality",
        texts.QUALITY,
        tables=tuple(
            (c["name"], plain_view(_quality_of(c["name"], data), HEADS)) for c in data.summary["constraints"]
        ),
    )


def _quality_of(constraint: str, data: ReportData) -> pl.DataFrame:
    rows = data.statistics["quality"].filter(
        pl.col("constraint") == constraint, pl.col("arm").is_in(relevant(constraint, data))
    )
    return rows.drop("constraint")
