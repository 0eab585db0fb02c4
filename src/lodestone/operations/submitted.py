"""The jobs of a campaign on a cluster, by the journal and the files of the jobs: SLURM is not asked."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from lodestone.workflow.stages import Place, place
from snakemake_executor_plugin_submitit.history import Record, jobs, newest

FOLDER = Path(".snakemake/submitit")
"""Where the executor keeps its journal unless a profile says otherwise."""
AT_WORK = ("running", "queued", "failed")
"""States of jobs that are told; a cancelled one is as if it had not been submitted."""


@dataclass(frozen=True)
class Queue:
    """The newest job of each place of a campaign that has not done its work."""

    jobs: Mapping[Place, Record] = field(default_factory=dict)
    per_job: float | None = None
    """Structures per second of a job that samples, from those that are done; None where none is."""

    def at(self, places: Iterable[Place]) -> list[Record]:
        """The jobs of these places."""
        return [self.jobs[one] for one in places if one in self.jobs]

    @property
    def counts(self) -> dict[str, int]:
        """Jobs by state; a group is one."""
        states: Counter[str] = Counter({record.key: record.state for record in self.jobs.values()}.values())
        return {state: states[state] for state in AT_WORK}

    @property
    def failed(self) -> list[Record]:
        """Jobs that failed, each once, the last to fail first."""
        found = {record.key: record for record in self.jobs.values() if record.state == "failed"}
        return sorted(found.values(), key=lambda r: r.ended or r.submitted, reverse=True)


def read_queue(folder: Path, directory: Path, structures: Mapping[Place, int]) -> Queue:
    """What stands in a journal's folder about the campaign whose results lie in `directory`.

    Empty without a journal. `structures` are those of each shard.
    """
    records = newest(jobs(folder))
    return queue(records, directory, structures, _written)


def queue(
    records: Iterable[Record],
    directory: Path,
    structures: Mapping[Place, int],
    written: Callable[[str], float | None],
) -> Queue:
    """The same from records; `written` gives the time at which a file was written, if it is there."""
    open_jobs: dict[Place, Record] = {}
    rates: list[float] = []
    for record in records:
        outputs = [(output, found) for output in record.outputs if (found := _place(output, directory))]
        rates += _rates(record, [found for _, found in outputs], structures)
        if record.state in AT_WORK:
            open_jobs |= {found: record for output, found in outputs if not _done(record, written(output))}
    return Queue(open_jobs, median(rates) if rates else None)


def _place(output: str, directory: Path) -> Place | None:
    """The place of an output of this campaign; None where it is another's."""
    prefix = f"{directory}{os.sep}"
    if output.startswith(prefix):
        return place(output[len(prefix) :])
    whole = f"{directory.absolute()}{os.sep}"
    return place(output[len(whole) :]) if output.startswith(whole) else None


def _done(record: Record, written: float | None) -> bool:
    """Whether the file was made after the job was submitted: by this job, or by another run since."""
    return written is not None and written >= record.submitted


def _rates(record: Record, places: list[Place], structures: Mapping[Place, int]) -> list[float]:
    """How fast a finished job sampled, if it did nothing else."""
    if record.state != "succeeded" or record.started is None or record.ended is None or record.requeues:
        return []
    if record.rules != ("sample",) or record.ended <= record.started:
        return []
    done = sum(structures.get(one, 0) for one in places)
    return [done / (record.ended - record.started)] if done else []


def _written(path: str) -> float | None:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return None
