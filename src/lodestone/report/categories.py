"""The panels of the report by category: one page each, complete in itself, for `snakemake --report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from lodestone.report.assets import credits_of_libraries, packed, source
from lodestone.report.evidence import question
from lodestone.report.panel import Panel
from lodestone.report.panels import panels
from lodestone.report.reading import ReportData
from lodestone.report.rendering import environment

CATEGORIES: dict[str, tuple[str, ...]] = {
    "guidance": ("guidance", "sweep", "cost", "pilot"),
    "constraints": ("constraint-",),
    "stability": ("hull", "audit"),
    "candidates": ("diversity", "search", "strictness"),
    "curation": ("attrition", "quality"),
    "estimator": ("estimator", "agreement"),
    "sources": ("sources",),
}
"""Category -> how the anchors of its panels begin; every panel of the report has one."""


def category_of(panel: Panel) -> str:
    """The category of a panel.

    Raises:
        ValueError: the panel has none.
    """
    for name, anchors in CATEGORIES.items():
        if any(panel.anchor == a or (a.endswith("-") and panel.anchor.startswith(a)) for a in anchors):
            return name
    raise ValueError(f"the panel {panel.anchor!r} has no category; there are: {', '.join(CATEGORIES)}")


def category_pages(data: ReportData) -> dict[str, str]:
    """Category -> page as HTML; a category without panels says so."""
    shown = panels(data)
    found = {name: [p for p in shown if category_of(p) == name] for name in CATEGORIES}
    return {name: _page(name, of, data) for name, of in found.items()}


def _page(name: str, shown: Sequence[Panel], data: ReportData) -> str:
    return (
        environment()
        .get_template("category.html.j2")
        .render(
            category=name.capitalize(),
            campaign=data.summary["campaign"],
            question=question(data.summary),
            panels=shown,
            packs=_packs(shown),
            libraries=[text for text in credits_of_libraries() if text.startswith("plotly")],
            version=version("lodestone"),
        )
    )


def _packs(shown: Sequence[Panel]) -> Mapping[str, str]:
    """What the page unpacks: plotly, where there is something to draw."""
    return {"library-plotly": packed(source("plotly.js"))} if any(p.figures for p in shown) else {}
