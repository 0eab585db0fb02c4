"""Diversity: distinct structures, S.U.N., crystal systems and space groups."""

from __future__ import annotations

from collections.abc import Iterator

from lodestone.report import texts
from lodestone.report.cells import plain_view
from lodestone.report.figures.space_groups import crystal_system_figure, space_group_figure
from lodestone.report.panel import Panel, styles_of
from lodestone.report.reading import ReportData
from lodestone.report.texts import HEADS

PLACE = 70
CATEGORY = "candidates"


def panels(data: ReportData) -> Iterator[Panel]:
    """What is distinct, stable, unique and novel."""
    drawn = styles_of(data)
    drawings = (
        ("crystal systems", crystal_system_figure(data.candidates, drawn)),
        ("space groups", space_group_figure(data.candidates, drawn)),
    )
    yield Panel(
        "diversity",
        "Diversity",
        texts.DIVERSITY,
        tuple((title, figure) for title, figure in drawings if figure is not None),
        (("", plain_view(data.statistics["diversity"], HEADS)),),
        missing="No structure passed the screen.",
    )
