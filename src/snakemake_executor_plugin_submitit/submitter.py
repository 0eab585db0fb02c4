"""Submits tasks of equal needs as one array, and writes down beforehand what it is about to do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from snakemake_executor_plugin_submitit.clusters import Cluster, LimitedError, RefusedError, UnreachableError
from snakemake_executor_plugin_submitit.earlier_runs import Earlier
from snakemake_executor_plugin_submitit.journal import Journal
from snakemake_executor_plugin_submitit.payload import Payload
from snakemake_executor_plugin_submitit.resources import summary
from snakemake_executor_plugin_submitit.tasks import Event, Failed, Note, Submission, Submitted, Task


@dataclass
class Options:
    """How the dispatcher behaves."""

    run: str
    """Name of this run."""
    folder: Path
    """Folder of all runs."""
    cwd: Path
    """Where commands run."""
    grace: float = 30.0
    stop_within: float = 100.0
    """Seconds that a command has to stop by itself."""
    max_returns: int = 20
    adopt: bool = True
    parallel: Mapping[str, int] | None = None
    """The most jobs at a time, by cluster; no entry means no bound."""


@dataclass
class Answer:
    """What became of an array."""

    taken: int
    """How many of its tasks are dealt with; the others are offered again."""
    submitted: list[Submitted] = field(default_factory=list)
    in_doubt: list[tuple[Task, Earlier]] = field(default_factory=list)
    """Tasks that the cluster may or may not have taken."""
    events: list[Event] = field(default_factory=list)


class Submitter:
    """The only one who calls sbatch."""

    def __init__(
        self,
        clusters: Mapping[str, Cluster],
        options: Options,
        journal: Journal,
        clock: Callable[[], float],
    ) -> None:
        self._clusters, self._options, self._journal, self._clock = clusters, options, journal, clock
        self._numbers = itertools.count(1)
        self._limits: dict[str, int] = {}

    def limit(self, cluster: str) -> int:
        """The most tasks that an array may have now."""
        return self._limits.get(cluster, self._clusters[cluster].limit)

    def submit(self, tasks: Sequence[Task], *, others: bool) -> Answer:
        """Submit tasks of equal needs; `others` says whether other jobs of this run are in the queue."""
        cluster, first = self._clusters[tasks[0].cluster], tasks[0]
        name = f"{first.label}.{self._options.run}.{next(self._numbers)}"
        folder = self._options.folder / self._options.run
        folder = folder / name if cluster.own_folders else folder
        self._announce(tasks, name, folder)
        payloads = [
            Payload(task.command, str(self._options.cwd), self._options.stop_within) for task in tasks
        ]
        try:
            ids = cluster.submit(payloads, first.parameters, name, folder)
        except LimitedError as error:
            self._void(name)
            return self._limited(first, len(tasks), error, others=others)
        except RefusedError as error:
            self._void(name)
            cause = f"{first.cluster} does not take it ({summary(first.parameters)}): {error}"
            return Answer(len(tasks), events=[Failed(task, None, cause) for task in tasks])
        except UnreachableError:
            return Answer(len(tasks), in_doubt=self._doubt(tasks, name, folder))
        self._journal.append({"event": "submitted", "time": self._clock(), "name": name, "ids": ids})
        if first.cluster in self._limits:  # there is room again, perhaps
            self._limits[first.cluster] = min(cluster.limit, 2 * self._limits[first.cluster])
        what = f"{len(tasks)} jobs as one array" if len(tasks) > 1 else "1 job"
        where = [Submission(job_id, folder, name, first.cluster) for job_id in ids]
        return Answer(
            len(tasks),
            submitted=[Submitted(task, one) for task, one in zip(tasks, where, strict=True)],
            events=[Note(f"{name}: {what} ({summary(first.parameters)}): {some(ids)}")],
        )

    def _announce(self, tasks: Sequence[Task], name: str, folder: Path) -> None:
        self._journal.append(
            {
                "event": "submitting",
                "time": self._clock(),
                "name": name,
                "run": self._options.run,
                "folder": str(folder),
                "cluster": tasks[0].cluster,
                "parameters": tasks[0].parameters,
                "jobs": [task.described() for task in tasks],
            }
        )

    def _limited(self, first: Task, size: int, error: LimitedError, *, others: bool) -> Answer:
        """The user may submit no more for now: smaller arrays, then wait for jobs to end."""
        self._limits[first.cluster] = max(1, size // 2)
        if size > 1 or others:
            return Answer(0)
        return Answer(1, events=[Failed(first, None, f"{first.cluster} does not take it: {error}")])

    def _doubt(self, tasks: Sequence[Task], name: str, folder: Path) -> list[tuple[Task, Earlier]]:
        """The copies that may exist; their name tells as soon as the cluster answers."""
        found = []
        for index, task in enumerate(tasks):
            old = Earlier.submitting(task.described(), name, folder, task.cluster, self._clock())
            old.index = index if len(tasks) > 1 else None
            found.append((task, old))
        return found

    def _void(self, name: str) -> None:
        self._journal.append({"event": "void", "time": self._clock(), "name": name})


def some(ids: Sequence[str]) -> str:
    """Ids for a sentence."""
    return " ".join(ids[:8]) + (f" and {len(ids) - 8} more" if len(ids) > 8 else "")
