"""A section of the page below its first screen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lodestone.report.cells import View

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


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
