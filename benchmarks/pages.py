"""Results that are told on a page of their own in docs/."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.functions_rates import functions
from benchmarks.generator_report import generator
from benchmarks.report import Result, between, origin
from benchmarks.search_report import search
from benchmarks.strict_report import strict, summary

PAGES: dict[str, tuple[str, Callable[[Result], str]]] = {
    "functions": ("functions.md", functions),
    "generator": ("proposals.md", generator),
    "search": ("search.md", search),
    "strict": ("symmetry.md", summary),
}
"""Name of the result -> page, and what of it stands there."""
WHOLE: dict[str, Callable[[Result], str]] = {"strict": strict}
"""Results whose page shows less than their own file."""


def update_pages(docs: Path, results: Path) -> list[str]:
    """Write the tables of the results that have a page of their own; return the pages."""
    from lodestone.runtime.files import write_text

    pages = []
    for name, (page, table_of) in PAGES.items():
        if (results / f"{name}.json").is_file():
            found = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
            text = (docs / page).read_text(encoding="utf-8")
            write_text(docs / page, between(text, name, f"{table_of(found)}\n\n{origin(found)}\n"))
            pages.append(page)
    return pages
