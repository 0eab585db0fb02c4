"""Asked to stop: a job finishes the batch at hand, keeps it and ends; the same job later goes on from there.

SLURM sends SIGUSR2 some time before a time limit (and SIGTERM before it takes a node away). Only what is
done batch by batch looks at the request; a job without batches goes on to its end.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

SIGNALS = (signal.SIGUSR2, signal.SIGTERM)
EXIT_CODE = os.EX_TEMPFAIL
"""Of a job that stopped as asked: nothing is wrong, run it again."""

_requests: list[str] = []


class Stopped(Exception):  # noqa: N818 - not an error
    """The job was asked to stop, and what it had finished is kept."""


def listen() -> None:
    """Take requests to stop from now on, also where the parent process had these signals ignored."""
    _requests.clear()
    for number in SIGNALS:
        signal.signal(number, _note)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def stop_if_asked(where: str) -> None:
    """Call it between two batches; raises Stopped where somebody asked for it. `where` is for its message."""
    if _requests:
        raise Stopped(f"stopped as asked ({_requests[0]}), {where}; the same job goes on from there")


def _note(number: int, frame: FrameType | None) -> None:
    del frame
    if not _requests:
        name = signal.Signals(number).name
        _requests.append(name)
        _say(f"asked to stop ({name}): stops after this batch; finished batches are kept\n")


def _say(text: str) -> None:
    """Write past the buffers of Python, which a handler may have interrupted half way."""
    for stream in (getattr(sys.stderr, "terminal", sys.stderr), getattr(sys.stderr, "log", None)):
        if stream is not None:
            with suppress(OSError, ValueError):
                os.write(stream.fileno(), text.encode())
