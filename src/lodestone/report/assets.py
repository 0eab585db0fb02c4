"""Scripts and data that the page carries inside itself."""

from __future__ import annotations

import base64
import gzip
from importlib.metadata import version
from importlib.resources import files

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
