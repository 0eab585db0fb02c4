"""How templates become pages, for every page that the product writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lodestone.report.assets import packed

if TYPE_CHECKING:
    from jinja2 import Environment
    from plotly.graph_objects import Figure

FIGURE_OPTIONS = {
    "responsive": True,
    "displaylogo": False,
    # nothing may leave the page: no button that uploads a chart
    "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d"],
    "showSendToCloud": False,
}
HEIGHT = 420
"""Pixels of a figure that names no height of its own."""


def environment(package: str = "lodestone.report") -> Environment:
    """Templates of a package: every text is escaped, what is missing is an error, `figure` places figures."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters["figure"] = lambda figure: Markup(figure_html(figure))  # noqa: S704
    return made


def figure_html(figure: Figure) -> str:
    """A place for a figure that the page unpacks and draws when it comes near."""
    height = figure.layout.height or HEIGHT
    document = json.loads(figure.to_json()) | {"config": FIGURE_OPTIONS}
    return (
        f'<div class="plot" style="min-height:{height:g}px">'
        f'<script type="text/plain">{packed(json.dumps(document))}</script></div>'
    )
