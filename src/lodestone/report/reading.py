"""Reads what the page shows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from lodestone.structures.table import read_table
from lodestone.workflow.results import read_if_present, read_sources

if TYPE_CHECKING:
    from lodestone.workflow.paths import CampaignPaths

STATISTICS = (
    *("rates", "success", "attrition", "attrition_reasons", "pareto"),
    *("diversity", "quality", "distributions", "joint", "cost", "search", "strictness"),
)


@dataclass(frozen=True)
class ReportData:
    """Tables of a finished campaign, its summary, its record and the CIFs of the best candidates."""

    summary: dict[str, Any]
    record: dict[str, Any]
    candidates: pl.DataFrame
    references: pl.DataFrame
    reference_energies: pl.DataFrame
    hull: pl.DataFrame
    statistics: dict[str, pl.DataFrame]
    audit: pl.DataFrame | None
    estimator_error: pl.DataFrame | None
    cifs: dict[str, str]
    sources: list[dict[str, Any]] = field(default_factory=list)
    """What came of each source of references."""
    agreement: pl.DataFrame | None = None
    """How far several estimators agree; None where there is one."""
    disagreements: pl.DataFrame | None = None
    """What they agree least about."""


def read_report_data(paths: CampaignPaths) -> ReportData:
    """Read the tables of the campaign; audit, estimator error and record may be missing."""
    summary = json.loads((paths.statistics / "summary.json").read_text(encoding="utf-8"))
    names = [row["cif"] for row in summary["best"]]
    return ReportData(
        summary=summary,
        record=_record(paths.record),
        candidates=read_table(paths.candidates),
        references=read_table(paths.references),
        reference_energies=read_table(paths.reference_energies),
        hull=read_table(paths.hull),
        statistics={name: read_table(paths.statistics / f"{name}.parquet") for name in STATISTICS},
        audit=read_if_present(paths.hull_audit),
        estimator_error=read_if_present(paths.estimator_error),
        cifs={name: (paths.best / name).read_text(encoding="utf-8") for name in names},
        sources=read_sources(paths),
        agreement=read_if_present(paths.agreement) if _several(paths) else None,
        disagreements=read_if_present(paths.disagreements) if _several(paths) else None,
    )


def _several(paths: CampaignPaths) -> bool:
    """Whether the campaign has several estimators; tables of an earlier run may lie about."""
    energy = _record(paths.record).get("config", {}).get("energy", {})
    return len(energy.get("estimators", [])) > 1


def _record(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
