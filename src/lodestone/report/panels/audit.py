"""Audit of the hull: what it lacks, and how far it moves without a source."""

from __future__ import annotations

from collections.abc import Iterator

from lodestone.report import texts
from lodestone.report.cells import plain_view
from lodestone.report.panel import Panel
from lodestone.report.reading import ReportData
from lodestone.report.texts import HEADS

PLACE = 120
CATEGORY = "stability"


def panels(data: ReportData) -> Iterator[Panel]:
    """The audit, where there was one."""
    table = data.audit
    yield Panel(
        "audit",
        "Audit of the hull",
        texts.AUDIT,
        tables=(("", plain_view(table, HEADS)),) if table is not None and table.height else (),
        missing="" if table is not None and table.height else "The hull was not audited.",
    )
