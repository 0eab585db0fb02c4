"""Finished chunks of unfinished work: how many rows they hold, and how fast the last ones came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lodestone.runtime.checkpoints import damaged

IDLE = 10.0
"""A job that has written nothing for so many times its usual interval is not running any more."""
_ROWS: dict[tuple[Path, int, int], int] = {}  # of files that were read before, by their time and size


@dataclass(frozen=True)
class Chunks:
    """Finished chunks of a job."""

    rows: int
    rate: float | None
    """Rows per second."""
    running: bool


NOTHING = Chunks(0, None, running=False)


def read_chunks(folder: Path, now: float, *, whole: bool = False) -> Chunks:
    """Rows of the finished chunks in a state folder, and how fast the last ones came.

    A folder may hold chunks of several inputs (one subfolder each); the newest is the one at work. With
    `whole` such an input has subfolders of its own, which count together.
    """
    if not folder.is_dir():
        return NOTHING
    groups: dict[Path, list[tuple[float, int]]] = {}
    for path, modified, rows in _counted(p for p in folder.rglob("*.parquet") if not p.name.startswith(".")):
        group = Path(path.relative_to(folder).parts[0]) if whole else path.parent
        groups.setdefault(group, []).append((modified, rows))
    return chunks(max(groups.values(), key=max), now) if groups else NOTHING


def chunks(files: Iterable[tuple[float, int]], now: float) -> Chunks:
    """The same from the time and the rows of each file; pure."""
    files = sorted(files)
    rows = sum(count for _, count in files)
    seconds = files[-1][0] - files[0][0]
    if len(files) < 2 or seconds <= 0:
        return Chunks(rows, None, running=False)
    interval = seconds / (len(files) - 1)
    rate = sum(count for _, count in files[1:]) / seconds
    return Chunks(rows, rate, running=now - files[-1][0] < IDLE * interval)


def _counted(paths: Iterable[Path]) -> list[tuple[Path, float, int]]:
    """Path, time of writing and rows of each file that is there and whole; each is read only once."""
    found: dict[Path, tuple[float, tuple[Path, int, int]]] = {}
    for path in paths:
        try:
            stat = path.stat()
        except OSError:  # gone meanwhile
            continue
        found[path] = stat.st_mtime, (path, stat.st_mtime_ns, stat.st_size)
    fresh = [path for path, (_, key) in found.items() if key not in _ROWS]
    for path, rows in _rows(fresh).items():
        _ROWS[found[path][1]] = rows
    return [(path, modified, _ROWS[key]) for path, (modified, key) in found.items() if key in _ROWS]


def _rows(paths: list[Path]) -> dict[Path, int]:
    """Rows of Parquet files, from their footers; without those that cannot be read."""
    import polars as pl

    paths = [path for path in paths if not damaged(path)]
    if not paths:
        return {}
    try:  # all at once takes a third of the time, but one broken file spoils it
        counts = (
            pl.scan_parquet(paths, glob=False, include_file_paths="path").group_by("path").len().collect()
        )
        found = {Path(path): int(rows) for path, rows in counts.iter_rows()}
        return found if len(found) == len(paths) else {path: found.get(path, 0) for path in paths}
    except (OSError, pl.exceptions.PolarsError):
        return {path: rows for path in paths if (rows := _rows_of(path)) is not None}


def _rows_of(path: Path) -> int | None:
    """Rows of a Parquet file; None where it is gone meanwhile or cannot be read."""
    import polars as pl

    try:
        return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
    except (OSError, pl.exceptions.PolarsError):
        return None
