"""Long table work in chunks that survive a kill: what is finished and intact is read, not computed again.

Chunks are cut from the whole input at fixed places, so a structure meets the same neighbours in
every run and a resumed result equals an undisturbed one to the last bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from lodestone.files import remove_folder
from lodestone.interruption import stop_if_asked
from lodestone.unfinished import load, save

HASHED_AT_ONCE = 4096  # rows
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
    `progress` is told the number of finished rows and of all rows, first what was there already. Raises
    Stopped after a chunk, where the job was asked to stop and chunks are left.
    """
    folder = state / fingerprint(rows, key)
    chunks = {
        folder / f"{i:05d}.parquet": rows.slice(start, size)
        for i, start in enumerate(range(0, len(rows), size))
    }
    if not chunks:
        return work(rows)
    kept = {path: load(path, partial(_problem, chunk)) for path, chunk in chunks.items()}
    found = {path: result for path, result in kept.items() if result is not None}
    done = sum(len(chunks[path]) for path in found)
    progress(done, len(rows))
    for path, chunk in chunks.items():
        if path not in found:
            found[path] = save(work(chunk), path)
            done += len(chunk)
            progress(done, len(rows))
            if done < len(rows):
                stop_if_asked(f"{done} of {len(rows)} finished")
    return pl.concat(found[path] for path in chunks)


def _problem(chunk: pl.DataFrame, found: pl.DataFrame) -> str | None:
    """Why a table cannot be the result of a chunk, in which every row has its own."""
    if len(found) != len(chunk):
        return f"{len(found)} rows in place of {len(chunk)}"
    named = "id" in chunk.columns and "id" in found.columns
    return "rows of other structures" if named and not found["id"].equals(chunk["id"]) else None


def fingerprint(rows: pl.DataFrame, key: Mapping[str, Any]) -> str:
    """Hash of a table's columns, types and values, and of a JSON-able key."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode())
    for column in rows.columns:
        digest.update(f"{column}:{rows.schema[column]}".encode())
        for start in range(0, len(rows), HASHED_AT_ONCE):
            digest.update(_content(rows[column].slice(start, HASHED_AT_ONCE)))
    return digest.hexdigest()[:16]


def _content(values: pl.Series) -> bytes:
    """The values of a part of a column, the same bytes for the same values."""
    dtype = values.dtype
    if isinstance(dtype, pl.Array):
        values, dtype = values.arr.to_list(), pl.List(dtype.inner)
    if not (isinstance(dtype, pl.List) and dtype.inner.is_numeric()) or values.null_count():
        return json.dumps(values.to_list()).encode()
    lengths = values.list.len()
    inner = values.filter(lengths > 0).explode()
    if inner.null_count():
        return json.dumps(values.to_list()).encode()
    return lengths.to_numpy().tobytes() + inner.to_numpy().tobytes()


def clear(state: Path) -> None:
    """Remove a state folder and what it leaves empty; call it when the output is written."""
    remove_folder(state, up_to="state")
