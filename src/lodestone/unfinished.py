"""Files of unfinished work: what a killed job left behind is believed only where it is intact.

A table lies beside the hash of its bytes. The hash is compared before the table is parsed: no power failure
or broken disk changes a structure unnoticed, and the reader of Parquet, which may abort the whole process on
garbage, never gets any. What is not intact is kept under another name, for whoever wants to know why.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestone.files import write_bytes, write_text

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
        _set_aside(path, f"{len(content)} bytes that are not those that were written")
        return None
    rows = _parsed(content)
    if (reason := problem(rows)) is not None:
        _set_aside(path, reason)
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
    _set_aside(path, "not what was written")
    return None


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


def _set_aside(path: Path, reason: str) -> None:
    kept = path.with_name(path.name + BROKEN)
    path.replace(kept)
    print(f"{path} is broken ({reason}): kept as {kept.name}, made again", file=sys.stderr, flush=True)
