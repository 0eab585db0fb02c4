"""A job ends with the Snakemake process that started it, even where that one was killed with SIGKILL.

Without this the job would go on beside the rerun of itself, both at work on the same finished batches.
"""

from __future__ import annotations

import os
import select
import threading
from pathlib import Path

KILLED = 137  # what a shell reports for SIGKILL
SHELLS = ("bash", "dash", "sh")


def end_with_parent() -> None:
    """End this process as soon as the one that started it, through a shell or not, has ended (Linux)."""
    owner = os.getppid()
    if owner > 1 and _name(owner) in SHELLS:
        owner = _parent(owner)
    try:
        descriptor = os.pidfd_open(owner)
    except OSError:  # no such system call, or gone already: the rerun's atomic writes still hold
        return
    threading.Thread(target=_wait, args=(descriptor,), name="end-with-parent", daemon=True).start()


def _wait(descriptor: int) -> None:
    select.select([descriptor], [], [])
    os._exit(KILLED)


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
