"""The finished batches of a shard on disk: which are intact, and where the missing ones begin and end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from lodestone.columns import Col
from lodestone.runtime.checkpoints import load, save
from lodestone.runtime.seeds import derive_seed
from lodestone.sampling import SAMPLE_VERSION
from lodestone.structures import table

if TYPE_CHECKING:
    from lodestone.sampling.shard import ShardPlan

SCHEMA: dict[str, pl.DataType] = table.SCHEMA | {
    "arm": pl.String(),
    "shard": pl.Int32(),
    "index": pl.Int32(),
    "batch": pl.Int32(),
    "batch_size": pl.Int32(),
    Col.LINEAGE: pl.Int32(),
    "failed": pl.Boolean(),
    "failure": pl.String(),
    "t_failed": pl.Float64(),
    "seed": pl.Int64(),
    Col.ANCESTRY: pl.List(pl.Int32()),
}
"""Columns of raw samples."""


class Batches:
    """The batches of a shard in a folder; those that are not what the plan expects are set aside."""

    def __init__(self, plan: ShardPlan, folder: Path) -> None:
        self._plan, self._folder = plan, folder
        names = [path.name for path in folder.glob("batch-*.parquet*")] if folder.is_dir() else []
        self._starts = sorted({int(name[6:14]) for name in names if name[6:14].isdecimal()})
        self._rows: dict[int, pl.DataFrame] = {}
        for offset in self._starts:
            rows = load(batch_path(folder, offset), partial(_problem, plan, offset))
            if rows is not None:
                self._rows[offset] = rows

    @property
    def done(self) -> int:
        """Structures that are finished."""
        return sum(len(self._rows[offset]) for offset in self._chain() if offset in self._rows)

    @property
    def gap(self) -> tuple[int, int, int | None] | None:
        """Where the first missing structures begin, how many they are, and the size of the batch lost there.

        That size is None where nothing tells it: at the end of what was ever sampled.
        """
        for offset in self._chain():
            if offset not in self._rows:
                after = self._next(offset)
                total = self._plan.structures
                return offset, (after or total) - offset, after and after - offset
        return None

    def add(self, offset: int, rows: pl.DataFrame) -> None:
        """Keep a batch that begins at this structure of the shard."""
        self._rows[offset] = save(rows, batch_path(self._folder, offset))

    def all(self) -> pl.DataFrame:
        """The finished shard: all batches in order."""
        if self.gap is not None:
            raise OSError(f"a batch in {self._folder} is missing or broken; the same job makes it again")
        return pl.concat([self._rows[offset] for offset in self._chain()])

    def _chain(self) -> Iterable[int]:
        """Where batches begin, finished or missing, each where the one before ends."""
        offset = 0
        while offset < self._plan.structures:
            yield offset
            if offset in self._rows:
                offset += len(self._rows[offset])
            else:
                offset = self._next(offset) or self._plan.structures

    def _next(self, offset: int) -> int | None:
        """The next structure at which a batch began, intact or not."""
        later = (start for start in self._starts if offset < start < self._plan.structures)
        return next(later, None)


def folder_of(state: Path, settings: Mapping[str, Any]) -> Path:
    """Where the batches of a sampling job lie; those of other settings are never picked up.

    The size of batches may change on the way, when one does not fit.
    """
    sampling = {name: value for name, value in settings["sampling"].items() if name != "batch_size"}
    text = json.dumps({**settings, "sampling": sampling, "version": SAMPLE_VERSION}, sort_keys=True)
    return state / hashlib.sha256(text.encode()).hexdigest()[:16]


def batch_path(folder: Path, offset: int) -> Path:
    """Where the finished batch lies that begins with this structure of the shard."""
    return folder / f"batch-{offset:08d}.parquet"


def _problem(plan: ShardPlan, offset: int, rows: pl.DataFrame) -> str | None:
    """Why rows cannot be the batch that begins at `offset`."""
    if dict(rows.schema) != SCHEMA | dict(plan.columns):
        return "other columns than those of samples"
    if not 0 < len(rows) <= plan.structures - offset:
        return f"{len(rows)} rows where {plan.structures - offset} are left"
    if rows["id"].to_list() != ids(plan, offset, len(rows)):
        return "rows of other structures"
    seed = derive_seed(plan.seed, plan.arm, plan.shard, offset)
    expected = {"batch": offset, "batch_size": len(rows), "seed": seed}
    wrong = [name for name, value in expected.items() if not (rows[name] == value).all()]
    return f"unexpected {', '.join(wrong)}" if wrong else None


def ids(plan: ShardPlan, offset: int, size: int) -> list[str]:
    """Identifiers of `size` structures from the `offset`-th of the shard on."""
    first = plan.first + offset
    return [f"{plan.campaign}/{plan.arm}/{plan.shard:04d}/{i:05d}" for i in range(first, first + size)]
