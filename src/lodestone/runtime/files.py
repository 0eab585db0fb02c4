"""Atomic writes: a file is either the old one or the whole new one, never half of either.

A full disk is waited for: what took hours to compute is not lost because others filled it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
FULL = (errno.ENOSPC, errno.EDQUOT)
WORDS = re.compile(rf"os error ({'|'.join(map(str, FULL))})\b")  # how libraries in Rust put it
VARIABLE = "LODESTONE_WAIT_FOR_SPACE"
"""Environment variable: how many seconds to wait for space."""
CACHE_VARIABLE = "LODESTONE_CACHE"
SECONDS, FIRST_PAUSE, LONGEST_PAUSE = 1800.0, 5.0, 60.0


@dataclass(frozen=True)
class Patience:
    """How long to wait for space, and by which clock."""

    seconds: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def patience_of_environment() -> Patience:
    """Half an hour, or the seconds that `LODESTONE_WAIT_FOR_SPACE` says."""
    with suppress(ValueError):
        return Patience(float(os.environ.get(VARIABLE, SECONDS)))
    _say(f"{VARIABLE}={os.environ[VARIABLE]!r} is no number of seconds; waits {SECONDS:g} s")
    return Patience(SECONDS)


def when_there_is_space(path: Path, attempt: Callable[[], T], patience: Patience | None = None) -> T:
    """The result of `attempt`, which writes `path`; tried again as long as the disk is full.

    Raises:
        OSError: there still is no space after all the patience.
    """
    try:
        return attempt()
    except Exception as error:
        if not is_full(error):
            raise
    return _wait(path, attempt, patience or patience_of_environment())


def _wait(path: Path, attempt: Callable[[], T], patience: Patience) -> T:
    end, pause = patience.clock() + patience.seconds, FIRST_PAUSE
    while (left := end - patience.clock()) > 0:
        _say(f"no space left for {path} ({_free(path)}); waiting, {left / 60:.0f} minutes left")
        patience.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)
        try:
            return attempt()
        except Exception as error:
            if not is_full(error):
                raise
    raise OSError(errno.ENOSPC, _given_up(patience.seconds), str(path))


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk or a quota is used up."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    return WORDS.search(str(error)) is not None


def _given_up(seconds: float) -> str:
    return (
        f"no space left, waited {seconds / 60:.0f} minutes; free some space (or raise the quota) and run "
        "the same command again, which goes on where this one was"
    )


def _free(path: Path) -> str:
    for folder in path.absolute().parents:
        with suppress(OSError):
            return f"{shutil.disk_usage(folder).free / 1e6:.1f} MB free"
    return "free space unknown"


def _say(text: str) -> None:
    with suppress(OSError):  # stderr may be a file on the same disk
        print(text, file=sys.stderr, flush=True)


def write_atomically(path: Path, write: Callable[[Path], None], patience: Patience | None = None) -> None:
    """Call `write` on a temporary file beside `path`, fsync it and rename it over `path`.

    Where the disk is full, that is tried again until there is space (see `lodestone.runtime.files`).
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


def known_hash(path: Path) -> str:
    """SHA-256 of a file, kept as long as its time and size are the same; "missing" where there is none."""
    if not path.is_file():
        return "missing"
    status = path.stat()
    return _hash_of(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _hash_of(path: Path, modified: int, size: int) -> str:
    del modified, size  # they are part of the cache's key
    return file_hash(path)


def cache_folder() -> Path:
    """Where what can be made again is kept: `shared_cache`, or results/.cache."""
    return shared_cache() or Path("results") / ".cache"


def shared_cache() -> Path | None:
    """$LODESTONE_CACHE, or the environment's own folder; None where that cannot be written to."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    inside = Path(sys.prefix) / "share" / "lodestone"
    return inside if _writable(inside) else None


def _writable(folder: Path) -> bool:
    existing = next(parent for parent in [folder, *folder.parents] if parent.exists())
    return os.access(existing, os.W_OK)
