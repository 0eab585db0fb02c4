"""Attrition: how many structures each stage leaves, and why the others were lost."""

from __future__ import annotations

from collections.abc import Iterator

from lodestone.report import texts
from lodestone.report.cells import plain_view
from lodestone.report.figures.rates import attrition_figure
from lodestone.report.panel import Panel, styles_of
from lodestone.report.reading import ReportData
from lodestone.statistics.attrition import STAGES

PLACE = 60
CATEGORY = "curation"


def panels(data: ReportData) -> Iterator[Panel]:
    """Structures left after each stage."""
    drawn = styles_of(data)
    table = data.statistics["attrition"]
    counts = table.pivot("stage", index="arm", values="survived").select("arm", *STAGES)
    figure = attrition_figure(table, drawn)
    yield Panel(
        "attrition",
        "Attrition",
        texts.ATTRITION,
        (("structures left", figure),) if figure else (),
        (("Structures left after each stage", plain_view(counts, {s: s.replace("_", " ") for s in STAGES})),),
        missing="Nothing was generated.",
        details=(("Reasons", plain_view(data.statistics["attrition_reasons"])),),
    )
