"""Panels about the arms of other samplers: what a search took, and whether symmetry was kept."""

from __future__ import annotations

from collections.abc import Iterator

from lodestone.columns import Col
from lodestone.report import texts
from lodestone.report.cells import plain_view
from lodestone.report.panel import Panel
from lodestone.report.reading import ReportData

PLACE = 90
CATEGORY = "candidates"


def panels(data: ReportData) -> Iterator[Panel]:
    """A panel for the searches and one for the strict arms, where there are any."""
    search, strict = data.statistics["search"], data.statistics["strictness"]
    if search.height:
        yield Panel("search", "Structure search", texts.SEARCH, tables=(("", plain_view(search, HEADS)),))
    if strict.height:
        shown = strict.drop("kept_low", "kept_high")
        yield Panel(
            "strictness", "Strict symmetry", texts.STRICTNESS, tables=(("", plain_view(shown, HEADS)),)
        )


HEADS = {
    Col.ESTIMATOR_CALLS: "calls",
    Col.CALLS_PER_STRUCTURE: "calls per structure",
    "calls_per_distinct": "calls per distinct",
    "below_hull_cut": "distinct, near the hull",
    "calls_per_below_hull_cut": "calls per one of these",
    Col.LOWEST_ENERGY: "lowest energy, eV/atom",
    Col.LOWEST_E_ABOVE_HULL: "lowest above the hull, eV/atom",
    Col.SPACE_GROUP: "asked group",
    "exact_formula": "formula exact",
    "exact_group": "group exact",
    "kept_share": "group or supergroup",
}
