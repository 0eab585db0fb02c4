"""The candidate table: one row per generated structure, every column of every stage, nothing dropped."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

STRUCTURE = ("numbers", "cell", "frac")
PREFIX = {"symmetrized": "sym", "relaxed": "relaxed"}
"""Stages that hold a structure of their own -> prefix of its columns."""


class TableMismatchError(ValueError):
    """A stage table does not have exactly the structures of its arm."""


def join_arm(arm: str, samples: pl.DataFrame, stages: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Join the stage tables of one arm to its samples, in the order of the samples.

    Raises TableMismatchError when a stage lacks, repeats or invents a structure.
    """
    joined = samples
    for stage, table in stages.items():
        _check(arm, stage, joined, table)
        own = table.rename(_names(stage, table.columns, joined.columns))
        joined = joined.join(own, on="id", how="left", validate="1:1", maintain_order="left")
    return joined


def join_hull(candidates: pl.DataFrame, hull: pl.DataFrame) -> pl.DataFrame:
    """Add the hull columns; a structure without a row there (no energy) gets nulls."""
    own = hull.filter(pl.col("kind") == "candidate").drop("kind")
    own = own.rename(_names("hull", own.columns, candidates.columns))
    return candidates.join(own, on="id", how="left", validate="1:1", maintain_order="left")


def stack(arms: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """All arms in one table, in the order given."""
    return pl.concat(list(arms.values()), how="diagonal_relaxed")


def structures_of(candidates: pl.DataFrame, prefix: str = "") -> pl.DataFrame:
    """id, numbers, cell and frac of one kind of structure ("" raw, "sym", "relaxed")."""
    lead = f"{prefix}_" if prefix else ""
    return candidates.select("id", *(pl.col(f"{lead}{name}").alias(name) for name in STRUCTURE))


def _names(stage: str, columns: list[str], taken: list[str]) -> dict[str, str]:
    """New names of the columns that would collide: <prefix>_<column>."""
    prefix = PREFIX.get(stage, stage)
    return {c: f"{prefix}_{c}" for c in columns if c != "id" and (c in STRUCTURE or c in taken)}


def _check(arm: str, stage: str, samples: pl.DataFrame, table: pl.DataFrame) -> None:
    if not table["id"].equals(samples["id"]) and (
        table.height != samples.height or set(table["id"]) != set(samples["id"])
    ):
        raise TableMismatchError(
            f"arm {arm}: table '{stage}' has {table.height} rows that are not the "
            f"{samples.height} generated structures; rerun that stage"
        )
