"""The report: one file, complete in itself; and its panels by category for `snakemake --report`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import polars as pl

from lodestone.columns import Col
from lodestone.report.candidates import best_view, candidate_data, distinct
from lodestone.report.citations import citations
from lodestone.report.evidence import badge, question, rates_view, wish
from lodestone.report.hull_error import UNKNOWN, HullError, hull_error
from lodestone.report.panel import Panel
from lodestone.report.panels import panels
from lodestone.report.reading import ReportData
from lodestone.report.rendering import credits_of_libraries, environment, packed, source
from lodestone.report.settings_view import hashes_view, settings_view, versions_view
from lodestone.report.viewer import arrays_of, viewer_settings
from lodestone.workflow.paths import CATEGORIES


def category_pages(data: ReportData) -> dict[str, str]:
    """Category -> page as HTML; a category without panels says so."""
    shown = panels(data)
    found = {name: [p for p in shown if p.category == name] for name in CATEGORIES}
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


def render(data: ReportData) -> str:
    """The page as HTML. Every text that comes from data is escaped or compressed."""
    shown = panels(data)
    error = hull_error(data.estimator_error)
    rows = distinct(data.candidates)
    packs = _candidate_packs(data, rows, error) | _libraries(shown, rows)
    context = _context(data, shown, error) | {
        "distinct": rows.height,
        "viewer": "viewer" in packs,
        "best": best_view(
            data.summary["best"], data.cifs, {key: i for i, key in enumerate(rows["id"])}, error
        ),
        "packs": packs,
    }
    return environment().get_template("page.html.j2").render(context)


def _candidate_packs(data: ReportData, rows: pl.DataFrame, error: HullError | None) -> dict[str, str]:
    """Candidates, their structures and the viewer's settings, compressed; nothing without candidates."""
    if not rows.height:
        return {}
    summary = data.summary
    names = [c["name"] for c in summary["constraints"]]
    settings = data.record.get("config", {}).get("constraints", {})
    found = candidate_data(rows, summary, settings, error)
    viewer = viewer_settings(rows, names, summary["campaign"])
    packs = {"candidates": packed(_json(found))}
    packs |= {f"crystal-{name}": packed(content) for name, content in arrays_of(rows).items()}
    return packs | ({"viewer": packed(_json(viewer))} if viewer else {})


def _libraries(shown: Sequence[Panel], rows: pl.DataFrame) -> dict[str, str]:
    wanted = {"datatables": "DataTables", "datatables-style": "style of DataTables"}
    if any(panel.figures for panel in shown):
        wanted["plotly"] = "plotly.js"
    if rows.height:
        wanted["chemiscope"] = "chemiscope"
    return {f"library-{key}": packed(source(name)) for key, name in wanted.items()}


def _context(data: ReportData, shown: Sequence[Panel], error: HullError | None) -> dict[str, Any]:
    summary, record = data.summary, data.record
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
        "error": error.words() if error else UNKNOWN,
        "chances": any(row.get(Col.P_METASTABLE) is not None for row in summary["best"]),
        "panels": shown,
        "settings": settings_view(record),
        "versions": versions_view(record),
        "hashes": hashes_view(record),
        "record": json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False),
        "libraries": credits_of_libraries(),
        "citations": citations(
            _find(record, "estimator"),
            [row["name"] for row in data.sources],
            [arm["sampler"] for arm in summary["arms"] if arm.get("sampler")],
        ),
        "version": version("lodestone"),
        "confidence": f"{100 * (1 - summary['alpha']):g} %",
    }


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _find(record: Mapping[str, Any], key: str) -> Any:
    """The first value of `key` anywhere in nested mappings."""
    if key in record:
        return record[key]
    for value in record.values():
        if isinstance(value, Mapping) and (found := _find(value, key)) is not None:
            return found
    return None
