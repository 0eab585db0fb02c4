"""Tells on stderr how far a stage is, at most every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

Progress = Callable[[int, int], None]
"""Is told (done, total)."""
EVERY = 2.0  # seconds between two lines; the last line always comes


def reporter(
    stage: str,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
    *,
    resumes: bool = False,
    things: str = "",
) -> Progress:
    """A function (done, total) that writes "stage: done/total, elapsed, ETA".

    With `resumes` the first call says what was finished before, which does not count for the speed. `things`
    names what is counted; the line then ends with how many of them a second takes.
    """
    begin = clock()
    last = begin - EVERY
    before = None if resumes else 0

    def report(done: int, total: int) -> None:
        nonlocal last, before
        now = clock()
        before = done if before is None else before
        if done < total and now - last < EVERY:
            return
        last = now
        elapsed = now - begin
        fresh = done - before
        left = f"{elapsed / fresh * (total - done):.0f} s" if fresh else "unknown"
        line = f"{stage}: {done}/{total}, {elapsed:.0f} s elapsed, ETA {left}"
        if things and fresh and elapsed > 0:
            line += f", {fresh / elapsed:.3g} {things}/s"
        print(line, file=stream or sys.stderr, flush=True)

    return report
