"""Reads the tables of a finished campaign."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from lodestone.pilot.record import read as read_pilot
from lodestone.sampling.timing import read_arm as read_timing
from lodestone.statistics.candidates import join_arm
from lodestone.statistics.cost import Effort
from lodestone.structures.table import read_table
from lodestone.workflow.stages import OF_EVERY_ARM

if TYPE_CHECKING:
    from lodestone.workflow.paths import CampaignPaths


def read_arm(paths: CampaignPaths, arm: str) -> pl.DataFrame:
    """The joined stage tables of one arm."""
    stages = {stage: read_table(paths.stage(arm, stage)) for stage in [one.column for one in OF_EVERY_ARM]}
    samples = read_samples(paths.samples(arm, 0).parent, stages["measured"]["id"])
    return join_arm(arm, samples, stages)


def read_samples(folder: Path, ids: pl.Series) -> pl.DataFrame:
    """The rows `ids` of all shards, in that order; shards left over from a larger campaign stay out."""
    shards = [read_table(path) for path in sorted(folder.glob("*.parquet"))]
    wanted = pl.DataFrame({"id": ids})
    return wanted.join(pl.concat(shards, how="diagonal_relaxed"), on="id", how="inner", maintain_order="left")


def read_pilots(paths: CampaignPaths, arms: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The documents of the pilots, by constraint, of the arms whose strength is left open."""
    chosen = dict.fromkeys(a["constraint"] for a in arms if a.get("strength", 0.0) is None)
    return {name: read_pilot(paths.pilot(name)) for name in chosen}


def read_efforts(paths: CampaignPaths, arms: Sequence[str]) -> dict[str, Effort]:
    """Seconds per structure of each arm and their device, where shards were timed."""
    found = {arm: read_timing(paths.timing(arm, 0).parent) for arm in arms}
    return {
        arm: Effort(timing.all_seconds / timing.structures, timing.device)
        for arm, timing in found.items()
        if timing and timing.structures
    }


def read_sources(paths: CampaignPaths) -> list[dict[str, Any]]:
    """What came of each source of references, in their order; empty where that is not on record."""
    if not paths.reference_sources.is_file():
        return []
    found: list[dict[str, Any]] = json.loads(paths.reference_sources.read_text(encoding="utf-8"))["sources"]
    return found


def read_if_present(path: Path) -> pl.DataFrame | None:
    """A table, or None where the campaign has none."""
    return read_table(path) if path.is_file() else None


def read_arms(paths: CampaignPaths, arms: Sequence[str]) -> dict[str, pl.DataFrame]:
    """`read_arm` of every arm, in the order given."""
    return {arm: read_arm(paths, arm) for arm in arms}
