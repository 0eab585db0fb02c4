"""How much memory this process may still take, and how much a call takes at most.

The kernel ends a process that takes more than its cgroup allows (SLURM's limit of a job is one, a container's
too), or more than the machine has, without a word. So what is known to be large is compared beforehand.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
V1, V2 = ("memory.limit_in_bytes", "memory.usage_in_bytes"), ("memory.max", "memory.current")
RESET_PEAK = "5"  # proc(5), clear_refs: the peak of the resident set starts anew


class TooLargeError(MemoryError):
    """What is asked for needs more memory than there is; nothing was tried. The message says how much."""


def available(proc: Path = PROC, cgroups: Path = CGROUPS) -> int | None:
    """Bytes that may still be taken: the least that the machine and every cgroup above us have left.

    What cgroups keep of files counts as free, since the kernel gives it up first. None where nothing is told.
    """
    return min((*_machine(proc), *_cgroups(proc, cgroups)), default=None)


def require(needed: float, what: str) -> None:
    """Refuse what needs more bytes than are left.

    Raises:
        TooLargeError: it needs more.
    """
    left = available()
    if left is not None and needed > left:
        raise TooLargeError(
            f"too large for the memory: {what} need about {needed / 1e9:.1f} GB, {left / 1e9:.1f} GB are left"
        )


def peak_of(work: Callable[[], object], proc: Path = PROC) -> int | None:
    """Bytes that a call takes at most beside what was taken before; None where the kernel does not tell."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)  # what is freed but kept would hide the first part of the peak
    try:
        (proc / "self/clear_refs").write_text(RESET_PEAK)
    except OSError:
        work()
        return None
    before = _status(proc, "VmRSS")
    work()
    after = _status(proc, "VmHWM")
    return None if before is None or after is None else max(0, after - before)


def _machine(proc: Path) -> Iterator[int]:
    with suppress(OSError, ValueError, IndexError):
        for line in (proc / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield 1024 * int(line.split()[1])


def _status(proc: Path, name: str) -> int | None:
    """Bytes of an entry of the process's status."""
    with suppress(OSError, ValueError, IndexError):
        for line in (proc / "self/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return 1024 * int(line.split()[1])
    return None


def _cgroups(proc: Path, root: Path) -> Iterator[int]:
    """What each cgroup with a limit has left, version 2 and 1, ours and all above."""
    try:
        lines = (proc / "self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = [*line.split(":", 2), "", ""][:3]
        if kinds and "memory" not in kinds.split(","):
            continue
        top = root / "memory" if kinds else root
        names = V1 if kinds else V2
        here = top / path.lstrip("/")
        for folder in (here, *here.parents):
            if folder.is_relative_to(top):
                yield from _left(folder, *names)


def _left(folder: Path, limit: str, used: str) -> Iterator[int]:
    with suppress(OSError, ValueError):  # no such file, or the word max
        most, taken = int((folder / limit).read_text()), int((folder / used).read_text())
        files = 0
        with suppress(OSError, ValueError):
            words = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
            stat = {name: int(value) for name, value in words}
            prefix = "total_" if "total_inactive_file" in stat else ""
            files = stat.get(f"{prefix}inactive_file", 0) + stat.get(f"{prefix}active_file", 0)
        yield max(0, most - taken + files)
