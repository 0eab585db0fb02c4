"""What SLURM says about a job, and what that means. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

SQUEUE = ("squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%r|%j", "--me")
SACCT = ("sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,State,JobName")

TAKEN_AWAY = {"PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "TIMEOUT", "DEADLINE"}
"""Final states that are no fault of the job: it is submitted again, and goes on."""
SHORT_GRACE = 5.0  # seconds; SLURM itself says that the job is over


class Verdict(Enum):
    """What to do about a job that has left no result."""

    KEEP = "it runs, will run, or may still leave its result"
    AGAIN = "it was taken away through no fault of its own"
    LOST = "it is over and has left no result"


@dataclass(frozen=True)
class Row:
    """One job as SLURM lists it."""

    state: str
    reason: str = ""
    name: str = ""

    @property
    def alive(self) -> bool:
        """Whether it runs or will. A state that SLURM may invent one day counts as alive."""
        return self.state not in TAKEN_AWAY | {"COMPLETED", "FAILED", "CANCELLED", "OUT_OF_MEMORY", "REVOKED"}


def read_squeue(text: str) -> dict[str, Row]:
    """Jobs by id from what `SQUEUE` prints; a line of another form is passed over."""
    rows = (line.split("|", 3) for line in text.splitlines())
    return {
        id_.strip(): Row(state.strip().upper(), reason.strip(), name.strip())
        for id_, state, reason, name in (row for row in rows if len(row) == 4)
    }


def read_sacct(text: str) -> dict[str, Row]:
    """Jobs by id from what `SACCT` prints; "CANCELLED by 1000" is CANCELLED."""
    rows = (line.split("|", 2) for line in text.splitlines())
    return {
        row[0].strip(): Row(row[1].split(maxsplit=1)[0].upper(), "according to accounting", row[2].strip())
        for row in rows
        if len(row) == 3 and row[1].strip()
    }


def judge(row: Row | None, over_for: float, grace: float) -> Verdict:
    """What becomes of a job without result.

    Args:
        row: As SLURM lists it; None where it does not.
        over_for: Seconds since SLURM first did not list it as alive.
        grace: Seconds that a result may take to be seen here after its job is over.
    """
    if row is not None and row.alive:
        return Verdict.KEEP
    told = row is not None and row.state not in TAKEN_AWAY | {"COMPLETED"}
    # a job being requeued passes through PREEMPTED and NODE_FAIL; COMPLETED has a result on its way
    if over_for < (min(SHORT_GRACE, grace) if told else grace):
        return Verdict.KEEP
    return Verdict.AGAIN if row is not None and row.state in TAKEN_AWAY else Verdict.LOST


def compact(ids: Iterable[str]) -> list[str]:
    """Ids of whole arrays and jobs, without repeats: what accounting is asked for."""
    return sorted({id_.partition("_")[0] for id_ in ids})
