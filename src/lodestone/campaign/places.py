"""Which stage of which arm a file of a campaign belongs to, from its path. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

TABLES = {
    "measure": "measured",
    "relax": "relaxed",
    "symmetrize": "symmetrized",
    "screen": "screened",
    "deduplicate": "duplicates",
    "novelty": "novelty",
    "energy": "energy",
}
"""The table that each stage of an arm writes."""
STAGES = {table: stage for stage, table in TABLES.items()}
WHOLE = {
    "references.parquet": "references",
    "reference_energies.parquet": "reference_energy",
    "hull.parquet": "hull",
    "candidates.parquet": "analyse",
    "campaign.json": "record",
    "report.html": "report",
    "figures/guidance.html": "figures",
}
"""The file by which each stage of the campaign is known."""
NAMED = {
    "pilot": r"pilot/(\w+)\.json",
    "train_generator": r"proposals/([^/]+)\.pt",
    "propose": r"proposals/([^/]+)\.parquet",
    "term_reference_energy": r"reference_energies/(.+)\.parquet",
    "other_energy": r"arms/([^/]+)/energies/(.+)\.parquet",
}
"""Stages whose files are named by constraints and estimators."""


@dataclass(frozen=True)
class Place:
    """A job of a campaign, by what it writes."""

    stage: str
    arm: str = ""
    """Or the constraint of a pilot, or an estimator, or both; empty for a stage of the campaign."""
    shard: int | None = None


def place(path: str) -> Place | None:
    """The job that writes a file, whose path is relative to the campaign's folder.

    None for a file that stands beside the one by which its job is known.
    """
    if path in WHOLE:
        return Place(WHOLE[path])
    if match := re.fullmatch(r"arms/([^/]+)/samples/(\d+)\.parquet", path):
        return Place("sample", match.group(1), int(match.group(2)))
    if match := re.fullmatch(r"arms/([^/]+)/(\w+)\.parquet", path):
        stage = STAGES.get(match.group(2))
        return Place(stage, match.group(1)) if stage else None
    found = ((stage, re.fullmatch(pattern, path)) for stage, pattern in NAMED.items())
    return next((Place(stage, " by ".join(match.groups())) for stage, match in found if match), None)
