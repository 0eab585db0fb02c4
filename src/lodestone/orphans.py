"""A job ends with the Snakemake process that started it, even where that one was killed with SIGKILL.

Without this the job would go on beside the rerun of itself, and the rerun would have to wait for it. Where
a scheduler's job (submitit) started that Snakemake, the job ends with either: nobody waits for a Snakemake
whose scheduler's job is dead. Nothing else counts, since a Snakemake may well outlive its user's shell.
"""

from __future__ import annotations

import os
import select
import threading
from contextlib import suppress
from pathlib import Path

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
