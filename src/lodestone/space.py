"""A full disk is waited for: what took hours to compute is not lost because others filled it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
FULL = (errno.ENOSPC, errno.EDQUOT)
WORDS = re.compile(rf"os error ({'|'.join(map(str, FULL))})\b")  # how libraries in Rust put it
VARIABLE = "LODESTONE_WAIT_FOR_SPACE"
"""Environment variable: how many seconds to wait for space."""
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
        "the same command again, which goes on after the last finished batch"
    )


def _free(path: Path) -> str:
    for folder in path.absolute().parents:
        with suppress(OSError):
            return f"{shutil.disk_usage(folder).free / 1e6:.1f} MB free"
    return "free space unknown"


def _say(text: str) -> None:
    with suppress(OSError):  # stderr may be a file on the same disk
        print(text, file=sys.stderr, flush=True)
