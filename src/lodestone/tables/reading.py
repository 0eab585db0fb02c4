"""Reads the tables of a finished campaign."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from lodestone.structures.table import read_table
from lodestone.tables.candidates import join_arm

if TYPE_CHECKING:
    from lodestone.campaign.paths import CampaignPaths

STAGES = ("measured", "relaxed", "symmetrized", "screened", "duplicates", "novelty", "energy")


def read_arm(paths: CampaignPaths, arm: str) -> pl.DataFrame:
    """The joined stage tables of one arm."""
    stages = {stage: read_table(paths.stage(arm, stage)) for stage in STAGES}
    samples = read_samples(paths.samples(arm, 0).parent, stages["measured"]["id"])
    return join_arm(arm, samples, stages)


def read_samples(folder: Path, ids: pl.Series) -> pl.DataFrame:
    """The rows `ids` of all shards, in that order; shards left over from a larger campaign stay out."""
    shards = [read_table(path) for path in sorted(folder.glob("*.parquet"))]
    wanted = pl.DataFrame({"id": ids})
    return wanted.join(pl.concat(shards, how="diagonal_relaxed"), on="id", how="inner", maintain_order="left")


def read_if_present(path: Path) -> pl.DataFrame | None:
    """A table, or None where the campaign has none."""
    return read_table(path) if path.is_file() else None


def read_arms(paths: CampaignPaths, arms: Sequence[str]) -> dict[str, pl.DataFrame]:
    """`read_arm` of every arm, in the order given."""
    return {arm: read_arm(paths, arm) for arm in arms}
