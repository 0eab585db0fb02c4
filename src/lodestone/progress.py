"""Tells on stderr how far a stage is, at most every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

EVERY = 2.0  # seconds between two lines; the last line always comes


def reporter(
    stage: str,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[int, int], None]:
    """A function (done, total) that writes "stage: done/total, elapsed, ETA"."""
    begin = clock()
    last = begin - EVERY

    def report(done: int, total: int) -> None:
        nonlocal last
        now = clock()
        if done < total and now - last < EVERY:
            return
        last = now
        elapsed = now - begin
        left = elapsed / done * (total - done) if done else float("nan")
        line = f"{stage}: {done}/{total}, {elapsed:.0f} s elapsed, ETA {left:.0f} s"
        print(line, file=stream or sys.stderr, flush=True)

    return report
