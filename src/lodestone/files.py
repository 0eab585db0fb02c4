"""Atomic writes: a file is either the old one or the whole new one, never half of either."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from lodestone.space import Patience, when_there_is_space


def write_atomically(path: Path, write: Callable[[Path], None], patience: Patience | None = None) -> None:
    """Call `write` on a temporary file beside `path`, fsync it and rename it over `path`.

    Where the disk is full, that is tried again until there is space (see `lodestone.space`).
    """
    when_there_is_space(path, partial(_write, path, write), patience)


def _write(path: Path, write: Callable[[Path], None]) -> None:
    make_folder(path.parent)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically."""
    write_atomically(path, lambda temporary: _store(temporary, content))


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` atomically, as sorted and indented JSON; NaN is refused."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def file_hash(path: Path) -> str:
    """SHA-256 of a file, or of every file below a folder (names and contents, sorted)."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, also while `remove_folder` of another job takes one of them away."""
    for _ in range(20):
        with suppress(FileNotFoundError, FileExistsError):  # gone again before it was looked at
            folder.mkdir(parents=True, exist_ok=True)
            return
    folder.mkdir(parents=True, exist_ok=True)


def remove_folder(folder: Path, up_to: str) -> None:
    """Remove a folder of unfinished work, and those above it, up to the one named `up_to`, that this empties.

    Another job may be filling one of them at the same time: it then stays.
    """
    shutil.rmtree(folder, ignore_errors=True)
    remove_empty(folder, up_to)


def remove_empty(folder: Path, up_to: str) -> None:
    """Remove a folder, and those above it up to the one named `up_to`, as far as they are empty."""
    names = [parent.name for parent in folder.parents]
    above = names.index(up_to) + 1 if up_to in names else 0
    for level in [folder, *list(folder.parents)[:above]]:
        try:
            level.rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # not empty
            return


def copy_file(source: Path, target: Path) -> None:
    """Copy a file atomically."""
    write_bytes(target, source.read_bytes())


def _store(path: Path, content: bytes) -> None:
    path.write_bytes(content)
