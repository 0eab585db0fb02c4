"""How templates become pages that open without a network: scripts and data are carried inside."""

from __future__ import annotations

import base64
import gzip
import json
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment
    from plotly.graph_objects import Figure

EMBEDDED = {
    "plotly.js": ("plotly", "package_data/plotly.min.js", "MIT"),
    "chemiscope": ("chemiscope", "sphinx/static/chemiscope.min.js", "BSD-3-Clause"),
    "DataTables": ("itables", "html/dt_bundle.js", "MIT"),
    "style of DataTables": ("itables", "html/dt_bundle.css", "MIT"),
}
"""Name -> package that ships it, path in the package, licence."""
BEST_COMPRESSION = 9


def source(name: str) -> str:
    """Source of an embedded library as its package ships it."""
    package, path, _ = EMBEDDED[name]
    return files(package).joinpath(path).read_text(encoding="utf-8")


def packed(content: str | bytes) -> str:
    """Content as base64 of gzip, which the page unpacks by `DecompressionStream`; the same every time."""
    raw = content.encode() if isinstance(content, str) else content
    return base64.b64encode(gzip.compress(raw, BEST_COMPRESSION, mtime=0)).decode()


def credits_of_libraries() -> list[str]:
    """Name, version and licence of every library embedded."""
    scripts = {name: parts for name, parts in EMBEDDED.items() if parts[1].endswith(".js")}
    return [
        f"{name} ({package} {version(package)}, {licence})" for name, (package, _, licence) in scripts.items()
    ]


def data_link(text: str, media: str) -> str:
    """A data: address that holds `text`."""
    return f"data:{media};base64,{base64.b64encode(text.encode()).decode()}"


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
