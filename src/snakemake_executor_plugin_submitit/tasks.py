"""A job as the dispatcher sees it, and what the dispatcher reports about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_submitit.records import JobFiles
from snakemake_executor_plugin_submitit.status import Row


@dataclass
class Task:
    """One job of the workflow (or a group of them)."""

    key: str
    """The same for the same rule and outputs in every run."""
    content: str
    """What the result depends on: a live job of other content is of no use."""
    command: str
    parameters: dict[str, Any]
    """Of submitit; tasks with equal ones share an array."""
    label: str
    """Short name for SLURM's listings."""
    cluster: str = "slurm"
    rules: tuple[str, ...] = ()
    wildcards: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    attempt: int = 1
    forced: bool = False
    """Whether the user asked for it to be done anew."""
    complete: Callable[[], bool] = lambda: False
    """Whether its outputs are there."""
    returns: int = 0
    """How often it was submitted again because it had been taken away."""
    payload: Any = None
    """Whatever the caller wants to find again."""

    def described(self) -> dict[str, Any]:
        """What the journal keeps."""
        return {
            "key": self.key,
            "content": self.content,
            "rules": list(self.rules),
            "wildcards": dict(self.wildcards),
            "outputs": list(self.outputs),
            "attempt": self.attempt,
        }


@dataclass(frozen=True)
class Submission:
    """Where a task went."""

    job_id: str
    folder: Path
    name: str
    cluster: str

    @property
    def files(self) -> JobFiles:
        """What the job leaves."""
        return JobFiles(self.folder, self.job_id)

    @property
    def place(self) -> tuple[str, str]:
        """Cluster and id, which only together are unique."""
        return self.cluster, self.job_id


@dataclass
class Live:
    """A task whose job runs or waits in the queue."""

    task: Task
    submission: Submission
    since: float
    """When it was submitted."""
    over_since: float | None = None
    """Since when the cluster does not list it as alive."""
    last: Row | None = None
    """What the cluster last said."""


@dataclass(frozen=True)
class Submitted:
    """A task has been submitted, adopted, or credited."""

    task: Task
    submission: Submission
    adopted: bool = False


@dataclass(frozen=True)
class Succeeded:
    """A task is done."""

    task: Task
    submission: Submission


@dataclass(frozen=True)
class Failed:
    """A task has failed, is lost, or was refused."""

    task: Task
    submission: Submission | None
    cause: str


@dataclass(frozen=True)
class Note:
    """Something the user should know."""

    text: str
    warning: bool = False


Event = Submitted | Succeeded | Failed | Note
