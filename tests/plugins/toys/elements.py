"""A panel of the report in one file: how often each formula is there."""

from __future__ import annotations

from lodestone.report.cells import plain_view
from lodestone.report.panel import Panel
from lodestone.report.reading import ReportData

PLACE = 65
CATEGORY = "candidates"


def panels(data: ReportData) -> list[Panel]:
    """One table."""
    counts = data.candidates["formula"].value_counts(sort=True)
    return [Panel("elements", "Toy formulas", "Formulas by number.", tables=(("", plain_view(counts)),))]
