"""When a job ends: asked by a signal as soon as its work can be kept, without its Snakemake at once.

SLURM sends SIGUSR2 some time before a time limit (and SIGTERM before it takes a node away). What is done
batch by batch looks at the request after each of them, sampling at every level inside a batch too; a job
without batches goes on to its end.

A job also ends with the Snakemake process that started it, even where that one was killed with SIGKILL.
Without this the job would go on beside the rerun of itself, and the rerun would have to wait for it. Where
a scheduler's job (submitit) started that Snakemake, the job ends with either: nobody waits for a Snakemake
whose scheduler's job is dead. Nothing else counts, since a Snakemake may well outlive its user's shell.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
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


def asked() -> bool:
    """Whether somebody asked the job to stop; costs nothing, so that it may be looked at often."""
    return bool(_requests)


def stop_if_asked(where: str) -> None:
    """Call it where all that is done is kept; raises Stopped where somebody asked for it.

    `where` is for its message.
    """
    if _requests:
        raise Stopped(f"stopped as asked ({_requests[0]}), {where}; the same job goes on from there")


def _note(number: int, frame: FrameType | None) -> None:
    del frame
    if not _requests:
        name = signal.Signals(number).name
        _requests.append(name)
        _say(f"asked to stop ({name}): stops as soon as its work can be kept\n")


def _say(text: str) -> None:
    """Write past the buffers of Python, which a handler may have interrupted half way."""
    for stream in (getattr(sys.stderr, "terminal", sys.stderr), getattr(sys.stderr, "log", None)):
        if stream is not None:
            with suppress(OSError, ValueError):
                os.write(stream.fileno(), text.encode())


KILLED = 137  # what a shell reports for SIGKILL
SHELLS = ("bash", "dash", "sh")
SUBMITIT = b"submitit.core._submit"  # the module that a scheduler's job runs


def end_with_parent() -> None:
    """End this process as soon as the one that started it, through a shell or not, has ended (Linux)."""
    parent, *above = _ancestors()
    descriptors = []
    for owner in [parent, *filter(_is_submitit, above)]:
        with suppress(OSError):  # no such system call, or gone already: the lock of the state still holds
            descriptors.append(os.pidfd_open(owner))
    if descriptors:
        threading.Thread(target=_wait, args=(descriptors,), name="end-with-parent", daemon=True).start()


def _wait(descriptors: list[int]) -> None:
    select.select(descriptors, [], [])
    os._exit(KILLED)


def _ancestors() -> list[int]:
    """The process that started this one, past a shell between the two, and those above it."""
    found = [os.getppid()]
    while found[-1] > 1:
        found.append(_parent(found[-1]))
    return found[1:] if found[0] > 1 and _name(found[0]) in SHELLS else found


def _is_submitit(pid: int) -> bool:
    try:
        return SUBMITIT in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _name(pid: int) -> str:
    return _status(pid).get("Name", "")


def _parent(pid: int) -> int:
    return int(_status(pid).get("PPid", "1"))


def _status(pid: int) -> dict[str, str]:
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return {}
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
