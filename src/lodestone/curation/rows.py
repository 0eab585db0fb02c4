"""Row-by-row work on a table by several processes, which gives what one process gives."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from lodestone.curation.parallel import each
from lodestone.runtime.progress import Progress

BLOCK = 250  # rows handed to a process at a time
WORTH_PROCESSES = 1000  # rows; below, starting processes takes longer than the work
Work = Callable[[pl.DataFrame], pl.DataFrame]


def by_rows(
    work: Work, rows: pl.DataFrame, *, processes: int = 1, progress: Progress | None = None
) -> pl.DataFrame:
    """Apply `work`, which treats every row by itself, to blocks of rows; results in order.

    `work` is a function of a module, or a `functools.partial` of one.
    """
    if processes == 1 or len(rows) < WORTH_PROCESSES:
        return _told(work(rows), len(rows), progress)
    blocks = [rows.slice(start, BLOCK) for start in range(0, len(rows), BLOCK)]
    found: dict[int, pl.DataFrame] = {}
    done = 0
    for k, result in each(work, blocks, processes):
        found[k] = result
        done += len(result)
        if progress:
            progress(done, len(rows))
    return pl.concat([found[k] for k in range(len(blocks))])


def _told(result: pl.DataFrame, n: int, progress: Progress | None) -> pl.DataFrame:
    if progress:
        progress(n, n)
    return result
