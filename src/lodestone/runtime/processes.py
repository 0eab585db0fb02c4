"""Work by several processes, which gives what one process gives: tasks, or the rows of a table."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

import polars as pl

from lodestone.runtime.progress import Progress
from lodestone.runtime.signals import end_with_parent

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Task = TypeVar("Task")
Result = TypeVar("Result")


def granted() -> int:
    """Processes that a job may use: its threads, as the adapter of the scripts sets them."""
    given = os.environ.get("OMP_NUM_THREADS", "1")
    return max(1, int(given)) if given.isdigit() else 1


def each(
    function: Callable[[Task], Result], tasks: Sequence[Task], processes: int
) -> Iterator[tuple[int, Result]]:
    """Index and result of every task, in the order in which they are finished.

    Args:
        function: of a module, since other processes import it.
        tasks: what it is applied to; start with the longest.
        processes: how many; with one, or one task, all is done in this process.
    """
    if min(processes, len(tasks)) <= 1:
        for i, task in enumerate(tasks):
            yield i, function(task)
        return
    pool = ProcessPoolExecutor(min(processes, len(tasks)), get_context("spawn"), initializer=end_with_parent)
    with pool:
        with _bare():  # all processes start here
            waiting = {pool.submit(function, task): i for i, task in enumerate(tasks)}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _bare() -> Iterator[None]:
    """New processes get one thread each, and do not load the script that this process runs."""
    main = sys.modules["__main__"].__dict__
    hidden: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main.pop("__file__", None)
    main["__spec__"] = None
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ |= dict.fromkeys(THREADS, "1")
    try:
        yield
    finally:
        main.update(hidden)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


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
