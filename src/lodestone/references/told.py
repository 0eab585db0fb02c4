"""Tells how many entries of a source have come, at most every few seconds; stops where a job is asked to."""

from __future__ import annotations

import time
from collections.abc import Callable

from lodestone.interruption import stop_if_asked
from lodestone.references.source import Progress
from lodestone.runtime.progress import EVERY


def entries(label: str, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> Progress:
    """A function (received, expected) that says "label: 300 of 1200 entries"; expected may be None."""
    last = clock()

    def report(received: int, expected: int | None) -> None:
        nonlocal last
        stop_if_asked("fetching references; finished pages are kept")
        if clock() - last < EVERY:
            return
        last = clock()
        of = "" if expected is None else f" of {expected}"
        say(f"{label}: {received}{of} entries")

    return report
