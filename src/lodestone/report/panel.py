"""A section of the page below its first screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lodestone.report.cells import View
from lodestone.report.palette import Style, styles
from lodestone.statistics.plan import ArmPlan

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from lodestone.report.reading import ReportData


@dataclass(frozen=True)
class Panel:
    """A section of the page; `missing` stands where there is nothing to draw."""

    anchor: str
    title: str
    text: str
    figures: tuple[tuple[str, Figure], ...] = ()
    tables: tuple[tuple[str, View], ...] = ()
    missing: str = ""
    details: tuple[tuple[str, View], ...] = field(default=())
    category: str = ""
    """What it is shown under in Snakemake's report; its family says it."""


def styles_of(data: ReportData) -> Mapping[str, Style]:
    """How each arm of a campaign is drawn, by name."""
    arms = [ArmPlan(a["name"], a["kind"], a["constraint"], a["strength"]) for a in data.summary["arms"]]
    return styles(arms)
