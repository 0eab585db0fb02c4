"""Scripts and data that the page carries inside itself."""

from __future__ import annotations

import base64
import json
from importlib.metadata import version
from importlib.resources import files
from typing import Any

EMBEDDED = {
    "plotly.js": ("plotly", "package_data/plotly.min.js", "MIT"),
    "chemiscope": ("chemiscope", "sphinx/static/chemiscope.min.js", "BSD-3-Clause"),
}
"""Name -> package that ships it, path in the package, licence."""


def library(name: str) -> str:
    """Source of an embedded JavaScript library, safe inside a script element."""
    package, path, _ = EMBEDDED[name]
    text = files(package).joinpath(path).read_text(encoding="utf-8")
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def credits_of_libraries() -> list[str]:
    """Name, version and licence of every library embedded."""
    return [
        f"{name} ({package} {version(package)}, {licence})"
        for name, (package, _, licence) in EMBEDDED.items()
    ]


def json_for_script(value: Any) -> str:
    """JSON that may stand inside a script element whatever strings it holds."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def data_link(text: str, media: str) -> str:
    """A data: address that holds `text`."""
    return f"data:{media};base64,{base64.b64encode(text.encode()).decode()}"
