"""Unfinished work on disk: what is finished and intact is read, not computed again.

What a killed job left behind is believed only where it is intact. A table lies beside the hash of its bytes.
The hash is compared before the table is parsed: no power failure or broken disk changes a structure
unnoticed, and the reader of Parquet, which may abort the whole process on garbage, never gets any. What is
not intact is kept under another name, for whoever wants to know why.

Long table work goes in chunks. They are cut from the whole input at fixed places, so a structure meets the
same neighbours in every run and a resumed result equals an undisturbed one to the last bit.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestone.runtime.files import Patience, remove_folder, write_atomically, write_bytes, write_text
from lodestone.runtime.signals import stop_if_asked

if TYPE_CHECKING:
    import polars as pl

BROKEN = ".broken"


def save(rows: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Write a table and its hash, and give it as `load` will.

    The hash comes first, so that no table ever lacks it.
    """
    stream = io.BytesIO()
    rows.write_parquet(stream, compression="zstd")
    content = stream.getvalue()
    write_text(_hash_path(path), hashlib.sha256(content).hexdigest())
    write_bytes(path, content)
    return _parsed(content)


def load(path: Path, problem: Callable[[pl.DataFrame], str | None]) -> pl.DataFrame | None:
    """The table that `save` wrote, or None where there is none or none that is fit for use.

    `problem` tells why a table is not the expected one. Whatever is not fit for use is set aside.
    """
    content = _bytes(path)
    if content is None:
        return None
    if hashlib.sha256(content).hexdigest().encode() != _bytes(_hash_path(path)):
        set_aside(path, f"{len(content)} bytes that are not those that were written")
        return None
    rows = _parsed(content)
    if (reason := problem(rows)) is not None:
        set_aside(path, reason)
        return None
    return rows


def damaged(path: Path) -> bool:
    """Whether a table is known not to be what was written: reading it might end the process."""
    try:
        expected = _hash_path(path).read_bytes()
        return hashlib.sha256(path.read_bytes()).hexdigest().encode() != expected
    except FileNotFoundError:  # made without a hash, or gone meanwhile
        return False


def load_json(path: Path, usable: Callable[[Any], bool]) -> Any | None:
    """The value in a JSON file, or None where there is none that is `usable`."""
    content = _bytes(path)
    if content is None:
        return None
    with suppress(ValueError):
        value = json.loads(content)
        if usable(value):
            return value
    set_aside(path, "not what was written")
    return None


def save_sealed(content: bytes, path: Path, patience: Patience | None = None) -> None:
    """Write bytes with their hash before them, in one file, which may be written over again and again."""
    sealed = _seal(content) + content
    write_atomically(path, lambda temporary: _store(temporary, sealed), patience)


def load_sealed(path: Path) -> bytes | None:
    """What `save_sealed` wrote; None where there is nothing, or nothing intact, which is set aside."""
    found = _bytes(path)
    if found is None:
        return None
    seal, content = found[:SEAL], found[SEAL:]
    if seal != _seal(content):
        set_aside(path, f"{len(found)} bytes that are not those that were written")
        return None
    return content


SEAL = 65  # bytes: a hash and the end of its line


def _seal(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode() + b"\n"


def _store(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _parsed(content: bytes) -> pl.DataFrame:
    import polars as pl

    return pl.read_parquet(io.BytesIO(content))


def _hash_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")


def _bytes(path: Path) -> bytes | None:
    """What a file holds; None where there is none, nothing where the disk cannot read it."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""


def set_aside(path: Path, reason: str, what: str = "is broken") -> None:
    """Keep a file that is of no use under another name, and say so."""
    kept = path.with_name(path.name + BROKEN)
    path.replace(kept)
    print(f"{path} {what} ({reason}): kept as {kept.name}, made again", file=sys.stderr, flush=True)


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
    import polars as pl

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
    import polars as pl

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
