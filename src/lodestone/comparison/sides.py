"""Reads the two finished campaigns that are compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lodestone.campaign.paths import CampaignPaths
from lodestone.structures.table import read_table

RESULTS = Path("results")
TABLES = ("cost", "attrition", "diversity")


class NoCampaignError(ValueError):
    """A folder does not hold a finished campaign; the message names it and says what to do."""


@dataclass(frozen=True)
class Side:
    """One of the two campaigns."""

    name: str
    directory: Path
    record: Mapping[str, Any]
    """Resolved settings, versions and hashes."""
    summary: Mapping[str, Any]
    candidates: pl.DataFrame
    tables: Mapping[str, pl.DataFrame]
    """Statistics: cost, attrition, diversity."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved settings."""
        found: Mapping[str, Any] = self.record.get("config", {})
        return found

    def arm(self, name: str) -> pl.DataFrame:
        """The candidates of an arm."""
        return self.candidates.filter(pl.col("arm") == name)


def read_side(given: Path) -> Side:
    """A campaign by its result folder, or by its name below results/.

    Raises:
        NoCampaignError: there is no such folder, it holds no campaign, or the campaign is not finished.
    """
    directory = _directory(given)
    paths = CampaignPaths(root=directory.parent, campaign=directory.name)
    summary = paths.statistics / "summary.json"
    needed = [paths.candidates, paths.record, summary, *_tables(paths).values()]
    missing = [path for path in needed if not path.is_file()]
    if len(missing) == len(needed) and not (directory / "arms").is_dir():
        raise NoCampaignError(
            f"{directory}: not the results of a campaign; give a folder such as results/demo, with "
            "candidates.parquet and campaign.json"
        )
    if missing:
        raise NoCampaignError(
            f"{missing[0]}: missing, so the campaign is not finished; run it again, as in "
            f"`snakemake --configfile config/{directory.name}.yaml --profile profiles/local`, which carries "
            "on where it stopped"
        )
    document = json.loads(summary.read_text(encoding="utf-8"))
    return Side(
        name=document["campaign"],
        directory=directory,
        record=json.loads(paths.record.read_text(encoding="utf-8")),
        summary=document,
        candidates=read_table(paths.candidates),
        tables={name: read_table(path) for name, path in _tables(paths).items()},
    )


def _tables(paths: CampaignPaths) -> dict[str, Path]:
    return {name: paths.statistics / f"{name}.parquet" for name in TABLES}


def _directory(given: Path) -> Path:
    for place in (given, RESULTS / given):
        if place.is_dir():
            return place.resolve() if place.name in ("", ".", "..") else place
    if given.is_file():
        raise NoCampaignError(f"{given}: is a file; give the campaign's folder, {given.parent}")
    there = sorted(p.parent.name for p in RESULTS.glob("*/campaign.json"))
    known = f"; finished campaigns below {RESULTS}: {', '.join(there)}" if there else ""
    raise NoCampaignError(
        f"{given}: no such folder, nor {RESULTS / given}; give a result folder or a campaign's name{known}"
    )
