"""Long table work in chunks that survive a kill: what is finished is read, not computed again.

Chunks are cut from the whole input at fixed places, so a structure meets the same neighbours in
every run and a resumed result equals an undisturbed one to the last bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from lodestone.files import remove_folder
from lodestone.structures import table

Progress = Callable[[int, int], None]


def in_chunks(
    rows: pl.DataFrame,
    work: Callable[[pl.DataFrame], pl.DataFrame],
    *,
    size: int,
    state: Path,
    key: Mapping[str, Any],
    progress: Progress,
) -> pl.DataFrame:
    """Apply `work` to `size` rows at a time and return all results in order.

    Finished chunks lie in a folder of `state` whose name is the hash of the rows and of `key`
    (everything else that the result depends on): a state of other inputs is never picked up.
    `progress` is told the number of finished rows and of all rows, first what was there already.
    """
    folder = state / fingerprint(rows, key)
    chunks = {
        folder / f"{i:05d}.parquet": rows.slice(start, size)
        for i, start in enumerate(range(0, len(rows), size))
    }
    done = sum(len(chunk) for path, chunk in chunks.items() if path.exists())
    progress(done, len(rows))
    for path, chunk in chunks.items():
        if not path.exists():
            table.write_table(work(chunk), path)
            done += len(chunk)
            progress(done, len(rows))
    return pl.concat([table.read_table(path) for path in chunks]) if chunks else work(rows)


def fingerprint(rows: pl.DataFrame, key: Mapping[str, Any]) -> str:
    """Hash of a table's columns, types and values, and of a JSON-able key."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode())
    for column in rows.columns:
        digest.update(f"{column}:{rows.schema[column]}".encode())
        digest.update(json.dumps(rows[column].to_list()).encode())
    return digest.hexdigest()[:16]


def clear(state: Path) -> None:
    """Remove a state folder and what it leaves empty; call it when the output is written."""
    remove_folder(state, up_to="state")
