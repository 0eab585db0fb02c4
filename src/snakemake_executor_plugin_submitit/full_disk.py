"""Writing on a disk that is full: wait for room, since what is not written down would be lost."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
FULL = (errno.ENOSPC, errno.EDQUOT)
PAUSE, EVERY = 5.0, 60.0  # seconds between two attempts, and between two messages


def patiently(path: Path, attempt: Callable[[], T], sleep: Callable[[float], None] | None = None) -> T:
    """The result of `attempt`, which writes `path`; tried again for as long as the disk is full."""
    waited = 0.0
    while True:
        try:
            return attempt()
        except OSError as error:
            if error.errno not in FULL:
                raise
        if waited % EVERY == 0:
            print(f"no space left for {path}: waiting, free some", file=sys.stderr, flush=True)
        (sleep or time.sleep)(PAUSE)
        waited += PAUSE
