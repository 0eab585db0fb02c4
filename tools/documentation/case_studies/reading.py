"""Reads the case studies: their campaign files, and the results of their small variants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from lodestone.config import Campaign, load_campaign
from lodestone.sampling.timing import read_arm, total
from lodestone.workflow.paths import CampaignPaths
from tools.documentation.case_studies import NAMES, VARIANT
from tools.documentation.case_studies.page import Result, Study


def read_studies(root: Path) -> list[Study]:
    """All case studies, from config/ and results/ below `root`; raises ConfigError."""
    return [read_study(root, name) for name in NAMES]


def read_study(root: Path, name: str) -> Study:
    """One of them; without a result where its small variant is not finished."""
    file = root / "config" / f"{name}.yaml"
    asked, small = load_campaign(file), load_campaign(file, {"variant": VARIANT})
    paths = CampaignPaths(root=root / "results", campaign=small.campaign)
    return Study(name, _words(asked), small.campaign, _read(paths) if paths.report.is_file() else None)


def _words(campaign: Campaign) -> tuple[str, ...]:
    return tuple(" and ".join(t.describe() for t in c.terms) for c in campaign.constraints.values())


def _read(paths: CampaignPaths) -> Result:
    folders = sorted(paths.timing("x", 0).parents[1].glob("*"))
    return Result(
        summary=_json(paths.statistics / "summary.json"),
        success=pl.read_parquet(paths.statistics / "success.parquet").to_dicts(),
        attrition=pl.read_parquet(paths.statistics / "attrition.parquet").to_dicts(),
        timing=total(found for folder in folders if (found := read_arm(folder)) is not None),
        versions=_json(paths.record)["versions"],
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
