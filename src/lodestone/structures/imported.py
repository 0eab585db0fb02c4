"""Structures from elsewhere as the raw samples of an arm, in the form that sampling gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.structures import table
from lodestone.structures.files import Entry, count_entries, read_entries

NO_CRYSTAL = np.empty(0, dtype=int), np.full((3, 3), np.nan), np.empty((0, 3))
"""What stands in the table for a structure that could not be read."""


class NothingToImportError(ValueError):
    """A file or folder holds no structure at all; the message names it."""


def imported(
    path: Path, campaign: str, arm: str, progress: Callable[[int, int], None] | None = None
) -> pl.DataFrame:
    """Every structure of a file or folder as a table of samples, in the order of the file or of the names.

    The columns are those of a sampled shard as far as they have a meaning, and `imported_id`, the name that
    the structure had. One that cannot be read is there as failed, with the reason, and counts as generated.
    A structure table keeps its `lineage`: structures that share an ancestor are not independent.

    Raises:
        NothingToImportError: there is no structure, readable or not.
        UnknownFormatError: the name of the file does not tell its format.
    """
    total, entries = count_entries(path), list[Entry]()
    for entry in read_entries(path):
        entries.append(entry)
        if progress:
            progress(len(entries), total)
    if all(entry.crystal is None for entry in entries):
        why = f": {entries[0].id}: {entries[0].error}" if entries else ""
        raise NothingToImportError(f"{path}: no structure could be read{why}")
    return _samples(entries, campaign, arm, _lineages(path, len(entries)))


def _samples(entries: Sequence[Entry], campaign: str, arm: str, lineages: pl.Series) -> pl.DataFrame:
    crystals = [entry.crystal or NO_CRYSTAL for entry in entries]
    ids = [f"{campaign}/{arm}/0000/{i:05d}" for i in range(len(entries))]
    return table.from_arrays(ids, *zip(*crystals, strict=True)).with_columns(
        pl.lit(arm).alias("arm"),
        pl.lit(0, dtype=pl.Int32).alias("shard"),
        pl.Series("index", range(len(entries)), dtype=pl.Int32),
        lineages.alias(Col.LINEAGE),
        pl.Series("failed", [entry.crystal is None for entry in entries], dtype=pl.Boolean),
        pl.Series(
            "failure",
            [entry.error and f"could not be read: {entry.error}" for entry in entries],
            dtype=pl.String,
        ),
        pl.Series("imported_id", [entry.id for entry in entries], dtype=pl.String),
    )


def _lineages(path: Path, n: int) -> pl.Series:
    """The lineages that a structure table tells, numbered anew; else each structure its own."""
    if path.suffix.lower() == ".parquet":
        found = table.read_table(path)
        if Col.LINEAGE in found.columns and len(found) == n and not found[Col.LINEAGE].null_count():
            keys = [c for c in ("arm", Col.LINEAGE) if c in found.columns]
            return found.select(pl.struct(keys).rank("dense").cast(pl.Int32) - 1).to_series()
    return pl.Series(range(n), dtype=pl.Int32)
