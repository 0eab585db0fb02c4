"""How far a campaign is: its files tell what is done, the executor's journal what runs, waits and failed.

A status is data, and text for a terminal.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lodestone.config.arms import Arm, Shard, arms, shards
from lodestone.config.campaign import Campaign
from lodestone.operations.chunks import Chunks, read_chunks
from lodestone.operations.plan import pilot_structures
from lodestone.operations.submitted import FOLDER, Queue, read_queue
from lodestone.text import columns, duration
from lodestone.workflow.other_estimators import Several
from lodestone.workflow.paths import CampaignPaths
from lodestone.workflow.potentials import other_estimators
from lodestone.workflow.sampling_settings import learns, proposed
from lodestone.workflow.stages import BY_NAME, OF_EVERY_ARM, Place
from snakemake_executor_plugin_submitit.history import Record

MOST_ARMS = 30
"""With more arms, a stage is one row for all of them unless every row is asked for."""
MOST_FAILURES = 20
Cells = tuple[str, str, str, str, str, str, str]


def status_text(status: Status, *, every_arm: bool = False) -> str:
    """A row per arm and stage, or per stage where arms are many; failures and a total below."""
    stages = status.stages
    finished = sum(row.done >= row.total for row in stages)
    arms = {row.arm for row in stages if row.arm}
    summed = len(arms) > MOST_ARMS and not every_arm
    rows = [("arm", "stage", "done", "of", "", "per hour", "left")]
    rows += [_row(row) for row in (added_up(stages) if summed else stages)]
    parts = [
        f"{status.directory}: {finished} of {len(stages)} stages done",
        columns(rows, right=(2, 3, 5, 6)),
    ]
    if status.failed:
        parts.append(_failures(status.failed))
    return "\n\n".join([*parts, total_line(status)])


def total_line(status: Status) -> str:
    """The whole campaign in a sentence."""
    words = [f"{status.sampled:,} of {status.wanted:,} structures sampled"]
    if status.journal:
        jobs = status.counts
        words.append(f"{jobs['running']:,} job{'' if jobs['running'] == 1 else 's'} running")
        words += [f"{jobs['queued']:,} queued", f"{jobs['failed']:,} failed"]
    if status.seconds_left is not None:
        words.append(f"~{duration(status.seconds_left)} left")
    return ", ".join(words)


def added_up(stages: Sequence[Progress]) -> list[Progress]:
    """One row per stage for all arms."""
    kinds = dict.fromkeys((bool(row.arm), row.stage) for row in stages)
    return [
        _sum([row for row in stages if (bool(row.arm), row.stage) == (of_arm, stage)])
        for of_arm, stage in kinds
    ]


def _sum(rows: Sequence[Progress]) -> Progress:
    first = rows[0]
    if not first.arm and len(rows) == 1:
        return first
    oldest = max(
        (row for row in rows if row.since is not None), key=lambda row: row.since or 0, default=first
    )
    done, total = sum(row.done for row in rows), sum(row.total for row in rows)
    rate = sum(row.rate for row in rows if row.rate) or None
    return replace(
        first,
        arm=f"{len(rows)} arms" if first.arm else "",
        done=done,
        total=total,
        rate=rate,
        seconds_left=(total - done) / rate if rate and done < total else None,
        running=any(row.running for row in rows),
        begun=sum(row.begun for row in rows),
        jobs=sum(row.jobs for row in rows),
        jobs_done=sum(row.jobs_done for row in rows),
        jobs_running=sum(row.jobs_running for row in rows),
        jobs_queued=sum(row.jobs_queued for row in rows),
        jobs_failed=sum(row.jobs_failed for row in rows),
        since=oldest.since,
        host=oldest.host,
    )


def _row(row: Progress) -> Cells:
    rate = "" if row.rate is None else f"{3600 * row.rate:,.0f}"
    left = "" if row.seconds_left is None else duration(row.seconds_left)
    return (row.arm or "campaign", row.stage, f"{row.done:,}", f"{row.total:,}", state(row), rate, left)


def state(row: Progress) -> str:
    """What goes on with a stage, in words."""
    words = []
    if row.jobs > 1 and 0 < row.jobs_done < row.jobs:
        words.append(f"{row.jobs_done} of {row.jobs} jobs done")
    if row.jobs_running:
        words.append(_running(row))
    words += [f"{row.jobs_queued} queued"] if row.jobs_queued else []
    words += [f"{row.jobs_failed} failed"] if row.jobs_failed else []
    at_work = row.jobs_running or row.jobs_queued or row.jobs_failed
    if at_work:
        return ", ".join(words)
    if row.done >= row.total:
        return "done"
    words += ["running"] if row.running else ["stopped"] if row.begun else []
    return ", ".join(words) or "-"


def _running(row: Progress) -> str:
    """`running since 12 min on node7`, as it is on file: whether it still lives is not asked."""
    if row.since is None:
        return f"{row.jobs_running} running"
    since = f"since {duration(row.since)} on {row.host or 'a node'}"
    if row.jobs_running == 1:
        return f"running {since}" if row.jobs == 1 else f"1 running {since}"
    return f"{row.jobs_running} running, the first {since}"


def _failures(failed: Sequence[Failure]) -> str:
    rows = [("failed", "arm", "attempt", "cause", "log")]
    rows += [
        (", ".join(one.rules), one.arm or "campaign", str(one.attempt), one.cause, one.log or "-")
        for one in failed[:MOST_FAILURES]
    ]
    text = columns(rows, right=(2,))
    more = len(failed) - MOST_FAILURES
    return f"{text}\nand {more} more" if more > 0 else text


@dataclass(frozen=True)
class Progress:
    """A stage of an arm, or of the campaign (`arm` is then empty)."""

    arm: str
    stage: str
    done: int
    total: int
    seconds_left: float | None = None
    """At the rate of the jobs that run; None where none is known."""
    running: bool = False
    """Whether a job is on file as running, or its last chunk is recent."""
    begun: int = 0
    """How many of `done` are chunks of jobs that have not ended."""
    rate: float | None = None
    """Structures per second of all jobs that run."""
    jobs: int = 1
    jobs_done: int = 0
    jobs_running: int = 0
    jobs_queued: int = 0
    jobs_failed: int = 0
    since: float | None = None
    """Seconds since the first of the jobs on file as running was started."""
    host: str | None = None
    """Where that is."""


@dataclass(frozen=True)
class Failure:
    """A job that failed and has not been done since."""

    rules: tuple[str, ...]
    arm: str
    attempt: int
    cause: str
    log: str | None


@dataclass(frozen=True)
class Status:
    """The whole campaign."""

    campaign: str
    directory: str
    journal: bool
    """Whether jobs were submitted through the executor."""
    stages: tuple[Progress, ...]
    counts: dict[str, int]
    """Jobs by state, a group is one; empty without a journal."""
    failed: tuple[Failure, ...] = ()
    sampled: int = 0
    wanted: int = 0
    seconds_left: float | None = None
    """Until everything is sampled, at the rate of the jobs that run."""
    rate: float | None = field(default=None)
    """Structures per second that these sample."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return all(row.done >= row.total for row in self.stages)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def status(
    campaign: Campaign, paths: CampaignPaths, folder: Path = FOLDER, now: float | None = None
) -> Status:
    """Every stage of every arm, then the stages of the campaign; totals are structures, or 1.

    `folder` is that of the executor's journal; without one, files alone tell.
    """
    now = time.time() if now is None else now
    every = {arm.name: shards(campaign, arm) for arm in arms(campaign)}
    sizes = {Place("sample", arm, p.index): p.structures for arm, parts in every.items() for p in parts}
    view = _View(campaign, paths, read_queue(folder, paths.directory, sizes), now)
    stages: list[Progress] = []
    for arm in arms(campaign):
        if arm.piloted and arm.kind == "guided":
            stages.append(view.pilot(arm))
        stages.append(
            view.imported(arm, every[arm.name][0])
            if arm.imported
            else view.sampling(arm.name, every[arm.name])
        )
        stages += [view.stage(arm.name, one.name, _total(every[arm.name])) for one in OF_EVERY_ARM]
    stages += view.of_the_campaign()
    journal = (folder / "journal.jsonl").is_file()
    return _summed(campaign, paths, stages, view.queue if journal else None)


def _summed(campaign: Campaign, paths: CampaignPaths, stages: list[Progress], queue: Queue | None) -> Status:
    sampling = [row for row in stages if row.stage == "sample"]
    done, total = sum(row.done for row in sampling), sum(row.total for row in sampling)
    rate = sum(row.rate for row in sampling if row.rate)
    return Status(
        campaign=campaign.campaign,
        directory=str(paths.directory),
        journal=queue is not None,
        stages=tuple(stages),
        counts=queue.counts if queue else {},
        failed=tuple(_failure(record, queue) for record in queue.failed) if queue else (),
        sampled=done,
        wanted=total,
        seconds_left=(total - done) / rate if rate and done < total else None,
        rate=rate or None,
    )


def _failure(record: Record, queue: Queue) -> Failure:
    places = [place for place, job in queue.jobs.items() if job is record]
    arm = ", ".join(dict.fromkeys(_name(place) for place in places if place.arm))
    log = str(record.log) if record.log else None
    return Failure(record.rules, arm, record.attempt, record.cause or "no cause on file", log)


def _name(place: Place) -> str:
    return place.arm if place.shard is None else f"{place.arm}/{place.shard:04d}"


@dataclass(frozen=True)
class _View:
    """The files of a campaign beside the jobs on file."""

    campaign: Campaign
    paths: CampaignPaths
    queue: Queue
    now: float

    def pilot(self, arm: Arm) -> Progress:
        """The pilot of an arm; it may end before its total, where candidates are out of bounds."""
        constraint, (_, guided, control) = str(arm.constraint), pilot_structures(self.campaign)
        total = guided + control
        if self.paths.pilot(constraint).is_file():
            return Progress(arm.name, "pilot", total, total, jobs_done=1)
        chunks = read_chunks(self.paths.state("pilot", constraint), self.now, whole=True)
        return self._open(
            arm.name, "pilot", min(chunks.rows, total), total, {Place("pilot", constraint): chunks}
        )

    def sampling(self, arm: str, parts: Sequence[Shard]) -> Progress:
        """All shards of an arm together."""
        done, finished, unfinished = 0, 0, {}
        for part in parts:
            if self.paths.samples(arm, part.index).is_file():
                done, finished = done + part.structures, finished + 1
                continue
            chunks = read_chunks(self.paths.state(arm, part.index), self.now)
            done += min(chunks.rows, part.structures)
            unfinished[Place("sample", arm, part.index)] = chunks
        found = self._open(arm, "sample", done, _total(parts), unfinished)
        return replace(found, jobs=len(parts), jobs_done=finished)

    def imported(self, arm: Arm, part: Shard) -> Progress:
        """The structures of an arm from elsewhere."""
        there = self.paths.samples(arm.name, 0).is_file()
        done = Progress(
            arm.name, "import", part.structures if there else 0, part.structures, jobs_done=int(there)
        )
        return self._with_jobs(done, [Place("sample", arm.name, 0)])

    def stage(self, arm: str, stage: str, total: int) -> Progress:
        """A stage of an arm, from its table, or the chunks of it."""
        if self.paths.stage(arm, BY_NAME[stage].column).is_file():
            done = Progress(arm, stage, total, total, jobs_done=1)
            return self._with_jobs(done, [Place(stage, arm)])  # about to be made anew, perhaps
        chunks = read_chunks(self.paths.state(arm, stage), self.now)
        return self._open(arm, stage, min(chunks.rows, total), total, {Place(stage, arm): chunks})

    def of_the_campaign(self) -> list[Progress]:
        """Stages that are there once."""
        others = other_estimators(self.campaign)
        files = {
            Place("references"): self.paths.references,
            Place("reference_energy"): self.paths.reference_energies,
        }
        files |= {Place("term_reference_energy", name): self.paths.energies_by(name) for name in others}
        files |= {
            Place("other_energy", f"{arm.name} by {name}"): self.paths.energy_by(arm.name, name)
            for name in Several(self.campaign, self.paths).names
            for arm in arms(self.campaign)
        }
        own = proposed(self.campaign)
        files |= {Place("propose", arm.name): self.paths.proposals(arm.name) for arm in own}
        files |= {
            Place("train_generator", arm.name): self.paths.generator(arm.name)
            for arm in own
            if learns(self.campaign, arm)
        }
        files |= {
            Place("hull"): self.paths.hull,
            Place("analyse"): self.paths.candidates,
            Place("record"): self.paths.record,
            Place("report"): self.paths.report,
            Place("figures"): self.paths.figures("guidance"),
        }
        rows = []
        for place, path in files.items():
            done = int(path.is_file())
            rows.append(self._with_jobs(Progress("", place.stage, done, 1, jobs_done=done), [place]))
        return rows

    def _open(self, arm: str, stage: str, done: int, total: int, unfinished: dict[Place, Chunks]) -> Progress:
        """A stage that is not done, from its jobs and their chunks."""
        rates = [self._rate(place, chunks) for place, chunks in unfinished.items()]
        rate = sum(found for found in rates if found)
        found = Progress(
            arm,
            stage,
            done,
            total,
            seconds_left=(total - done) / rate if rate and done < total else None,
            running=any(chunks.running for chunks in unfinished.values()),
            begun=sum(chunks.rows for chunks in unfinished.values()),
            rate=rate or None,
        )
        return self._with_jobs(found, list(unfinished))

    def _rate(self, place: Place, chunks: Chunks) -> float | None:
        """Structures per second of a job that runs: its own, or that of others of its kind."""
        if chunks.rate is not None:  # of a job that writes no more, whatever is on file, nothing is to come
            return chunks.rate if chunks.running else None
        job = self.queue.jobs.get(place)
        runs = job is not None and job.state == "running"
        return self.queue.per_job if runs and place.stage == "sample" else None

    def _with_jobs(self, row: Progress, places: Sequence[Place]) -> Progress:
        found = self.queue.at(places)
        states = Counter(record.state for record in found)
        first = min(
            (job for job in found if job.state == "running" and job.started is not None),
            key=lambda job: job.started or 0.0,
            default=None,
        )
        return replace(
            row,
            running=row.running or states["running"] > 0,
            jobs_running=states["running"],
            jobs_queued=states["queued"],
            jobs_failed=states["failed"],
            since=None if first is None else max(0.0, self.now - (first.started or 0.0)),
            host=first.host if first else None,
        )


def _total(parts: Sequence[Shard]) -> int:
    return sum(part.structures for part in parts)
