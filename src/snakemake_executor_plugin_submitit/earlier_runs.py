"""What earlier runs left, as the journal tells it, and what becomes of it now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_submitit.records import SUCCEEDED, JobFiles, read
from snakemake_executor_plugin_submitit.status import Row
from snakemake_executor_plugin_submitit.tasks import Submission, Task

SURE = {"succeeded", "failed"}
"""Ends after which no process of a job is left. One that was cancelled or lost may take its time to go."""


class Fate(Enum):
    """What becomes of an earlier copy of a task."""

    ADOPTED = "it runs or waits, and is of use"
    DONE = "it has finished the task"
    IN_THE_WAY = "it runs or waits, and is of no use: it has to be cancelled"
    LEAVING = "it has been cancelled and is not gone yet"
    GONE = "nothing of it is left"


@dataclass
class Earlier:
    """One job of an earlier run (or of this one, if its submission is in doubt) that was not seen to end."""

    key: str
    content: str
    name: str
    """Of its submission."""
    folder: Path
    cluster: str
    submitted: float
    job_id: str | None = None
    """None where the run was killed before sbatch answered."""
    index: int | None = None
    """Its place in the array."""
    over: bool = False
    """Whether a run gave it up."""
    cancelled: bool = False
    """Whether this run has cancelled it."""

    @property
    def files(self) -> JobFiles:
        """What the job leaves."""
        return JobFiles(self.folder, str(self.job_id))

    @classmethod
    def submitting(
        cls, described: Mapping[str, Any], name: str, folder: Path, cluster: str, time: float
    ) -> Earlier:
        """A job whose id is not known."""
        return cls(str(described["key"]), str(described.get("content", "")), name, folder, cluster, time)


def unfinished(events: Iterable[Mapping[str, Any]]) -> dict[str, Earlier]:
    """The last job of each key that no run has seen to succeed or fail."""
    found: dict[str, Earlier] = {}
    named: dict[str, list[Earlier]] = {}
    for event in events:
        kind, name = event["event"], str(event.get("name", ""))
        if kind == "submitting":
            jobs = event["jobs"]
            named[name] = [_begun(event, job, i if len(jobs) > 1 else None) for i, job in enumerate(jobs)]
            found |= {old.key: old for old in named[name]}
        elif kind == "submitted":
            for old, job_id in zip(named.get(name, []), event["ids"], strict=False):
                old.job_id = str(job_id)
        elif kind == "void":
            for old in named.get(name, []):
                _drop(found, old)
        elif kind == "ended":
            last = found.get(str(event["key"]))
            if last is None or (event.get("id") not in {None, last.job_id}):
                continue
            if event["state"] in SURE:
                _drop(found, last)
            last.over = True
    return found


def fate(old: Earlier, task: Task, rows: Mapping[str, Row], *, adopt: bool = True) -> Fate:
    """What becomes of an earlier copy of `task`, where the cluster lists `rows`."""
    of_use = (
        adopt
        and not task.forced
        and not old.over
        and not old.cancelled
        and old.job_id is not None
        and old.content == task.content
    )
    ended = read(old.files.outcome) if old.job_id is not None else None
    if of_use and ended is not None and ended.get("state") == SUCCEEDED and task.complete():
        return Fate.DONE
    if copies(old, rows):
        if of_use and ended is None:
            return Fate.ADOPTED
        return Fate.LEAVING if old.cancelled else Fate.IN_THE_WAY
    return Fate.GONE


def copies(old: Earlier, rows: Mapping[str, Row]) -> list[str]:
    """Ids of the jobs in the queue that are the earlier one; by the name of its submission without id."""
    return [id_ for id_, row in rows.items() if row.alive and row.name == old.name and _is(old, id_)]


def of_task(task: Task, submission: Submission) -> Earlier:
    """The same for a job of this run."""
    place = submission.job_id.partition("_")[2]
    return Earlier(
        task.key,
        task.content,
        submission.name,
        submission.folder,
        submission.cluster,
        0.0,
        submission.job_id,
        int(place) if place.isdigit() else None,
    )


def ended(old: Earlier, state: str, cause: str, time: float) -> dict[str, Any]:
    """The journal's event for the end of a job."""
    return {
        "event": "ended",
        "key": old.key,
        "name": old.name,
        "id": old.job_id,
        "state": state,
        "cause": cause,
        "time": time,
    }


def _is(old: Earlier, id_: str) -> bool:
    if old.job_id is not None:
        return id_ == old.job_id
    return old.index is None or id_.endswith(f"_{old.index}")


def _begun(event: Mapping[str, Any], job: Mapping[str, Any], index: int | None) -> Earlier:
    begun = Earlier.submitting(
        job, str(event["name"]), Path(event["folder"]), str(event["cluster"]), float(event["time"])
    )
    begun.index = index
    return begun


def _drop(found: dict[str, Earlier], old: Earlier) -> None:
    if found.get(old.key) is old:
        del found[old.key]
