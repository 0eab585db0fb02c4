"""The report: one file, complete in itself, that opens without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from lodestone.report.assets import credits_of_libraries, json_for_script, library
from lodestone.report.candidate_views import best_view, candidates_view
from lodestone.report.citations import citations
from lodestone.report.evidence import badge, question, rates_view, wish
from lodestone.report.panel import Panel
from lodestone.report.panels import panels
from lodestone.report.reading import ReportData
from lodestone.report.viewer import dataset, shown_candidates

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FIGURE_OPTIONS = {
    "responsive": True,
    "displaylogo": False,
    # nothing may leave the page: no button that uploads a chart
    "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d"],
    "showSendToCloud": False,
}


def render(data: ReportData) -> str:
    """The page as HTML. Every text that comes from data is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("lodestone.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["figure"] = lambda figure: Markup(figure_html(figure))  # noqa: S704
    shown = panels(data)
    viewer = _viewer(data)
    scripts = {"chemiscope": library("chemiscope")} if viewer else {}
    if any(panel.figures for panel in shown):
        scripts["plotly"] = library("plotly.js")
    return environment.get_template("page.html.j2").render(
        **_context(data, shown),
        viewer=Markup(json_for_script(viewer)) if viewer else None,  # noqa: S704
        scripts={name: Markup(text) for name, text in scripts.items()},  # noqa: S704
    )


def figure_html(figure: Figure) -> str:
    """A figure as a division of the page; plotly.js itself is inlined once."""
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=FIGURE_OPTIONS))


def _context(data: ReportData, shown: Sequence[Panel]) -> dict[str, Any]:
    summary = data.summary
    names = [c["name"] for c in summary["constraints"]]
    places = _places(data)
    estimator = _find(data.record, "estimator")
    return {
        "summary": summary,
        "question": question(summary),
        "constraints": [
            constraint
            | {
                "wish": wish(constraint),
                "badge": badge(constraint["verdict"]),
                "view": rates_view(constraint, data.statistics["success"]),
            }
            for constraint in summary["constraints"]
        ],
        "best": best_view(summary["best"], data.cifs, places),
        "candidates": candidates_view(data.candidates, names, places),
        "panels": shown,
        "record": json.dumps(data.record, indent=2, sort_keys=True, ensure_ascii=False),
        "libraries": credits_of_libraries(),
        "citations": citations(estimator),
        "version": version("lodestone"),
        "confidence": f"{100 * (1 - summary['alpha']):g} %",
    }


def _viewer(data: ReportData) -> dict[str, Any] | None:
    names = [c["name"] for c in data.summary["constraints"]]
    return dataset(shown_candidates(data.candidates), data.summary["campaign"], names)


def _places(data: ReportData) -> dict[str, int]:
    return {key: i for i, key in enumerate(shown_candidates(data.candidates)["id"])}


def _find(record: Mapping[str, Any], key: str) -> Any:
    """The first value of `key` anywhere in nested mappings."""
    if key in record:
        return record[key]
    for value in record.values():
        if isinstance(value, Mapping) and (found := _find(value, key)) is not None:
            return found
    return None
