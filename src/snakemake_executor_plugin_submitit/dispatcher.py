"""Submits tasks, watches them, takes up what an earlier run left. Knows nothing of Snakemake.

`tick` is called every few seconds with the tasks that are new and returns what has happened since. Rules that
it keeps: every task ends in exactly one Succeeded or Failed, unless it is cancelled; a cluster that does not
answer fails no task; no task is submitted while an earlier copy of it may still run.

Tells the user now and then that a cluster does not answer, and when it does again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from snakemake_executor_plugin_submitit import earlier_runs
from snakemake_executor_plugin_submitit.clusters import Cluster
from snakemake_executor_plugin_submitit.earlier_runs import Earlier, Fate
from snakemake_executor_plugin_submitit.journal import Journal
from snakemake_executor_plugin_submitit.records import FAILED, SUCCEEDED, last_line, read
from snakemake_executor_plugin_submitit.status import Row, Verdict, judge
from snakemake_executor_plugin_submitit.submitter import Options, Submitter, some
from snakemake_executor_plugin_submitit.tasks import (
    Event,
    Failed,
    Live,
    Note,
    Submission,
    Submitted,
    Succeeded,
    Task,
)

EVERY = 300.0  # seconds between two notes


class Silence:
    """How long which cluster has not answered."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}
        self._noted: dict[str, float] = {}

    def note(self, cluster: str, *, answered: bool) -> list[Event]:
        """A note where one is due."""
        now = self._clock()
        if answered:
            since, noted = self._since.pop(cluster, now), self._noted.pop(cluster, None)
            return [] if noted is None else [Note(f"{cluster} answers again, after {now - since:.0f} s")]
        self._since.setdefault(cluster, now)
        if now - self._noted.get(cluster, float("-inf")) < EVERY:
            return []
        self._noted[cluster] = now
        return [Note(f"{cluster} does not answer; jobs go on, and nothing is given up", warning=True)]


_UNKNOWN = (
    "an earlier copy, job {old.job_id}, went to {old.cluster}, which cannot be asked from this machine. Run "
    "where its commands are, or, if you know that the job is over, delete {journal}"
)
WAITING = {"", "None", "Resources", "Priority", "BeginTime", "JobArrayTaskLimit", "Dependency"}


class Dispatcher:
    """Tasks in, events out."""

    def __init__(
        self,
        clusters: Mapping[str, Cluster],
        options: Options,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clusters, self._options, self._clock = clusters, options, clock
        self._journal = Journal(options.folder)
        self._earlier = earlier_runs.unfinished(self._journal.events())
        self._ready: list[Task] = []
        self._waiting: list[Task] = []  # for an earlier copy to be taken up, or to be gone
        self._live: dict[tuple[str, str], Live] = {}
        self._submitter = Submitter(clusters, options, self._journal, clock)
        self._silence = Silence(clock)

    @property
    def busy(self) -> bool:
        """Whether any task is not finished."""
        return bool(self._ready or self._waiting or self._live)

    def tick(self, new: Iterable[Task] = ()) -> list[Event]:
        """Do what can be done now; what has happened."""
        events = [event for task in new for event in self._take(task)] + self._harvest()
        asked = {live.submission.cluster for live in self._live.values()}
        asked |= {cluster for task in self._waiting for cluster in self._clusters_of(task)}
        for name in sorted(asked):
            rows = self._clusters[name].queue()
            events += self._silence.note(name, answered=rows is not None)
            if rows is not None:
                events += self._watch(name, rows)
                events += self._resolve(name, rows)
        return events + self._submit_ready()

    def cancel(self) -> list[Event]:
        """Cancel every job of this run, adopted ones too, and nothing else."""
        self._ready.clear()
        self._waiting.clear()
        events: list[Event] = []
        for name, cluster in self._clusters.items():
            own = [live for live in self._live.values() if live.submission.cluster == name]
            ids = [live.submission.job_id for live in own] + self._doubtful(name)
            if ids and cluster.cancel(ids):
                self._note_ended(own, "cancelled", "the workflow was cancelled")
                events.append(Note(f"cancelled {len(ids)} job{'s' * (len(ids) > 1)}: {some(ids)}"))
            elif ids:
                text = f"{name} does not answer, and {len(ids)} jobs may go on: cancel them later (scancel "
                text += f"{some(ids)}), or run the same command again, which takes them up"
                events.append(Note(text, warning=True))
        self._live.clear()
        return events

    def _doubtful(self, name: str) -> list[str]:
        """Jobs of this run whose submission was not confirmed, but which the cluster has taken."""
        mine = [old for old in self._earlier.values() if old.name.split(".")[-2:-1] == [self._options.run]]
        rows = self._clusters[name].queue() if any(old.cluster == name for old in mine) else None
        return [id_ for old in mine if old.cluster == name for id_ in earlier_runs.copies(old, rows or {})]

    def left_behind(self) -> list[str]:
        """Ids of unfinished jobs of earlier runs that nobody has asked for in this one."""
        return [
            old.job_id for old in self._earlier.values() if old.job_id and read(old.files.outcome) is None
        ]

    def _take(self, task: Task) -> list[Event]:
        old = self._earlier.get(task.key)
        if old is not None and old.cluster not in self._clusters:
            return [Failed(task, None, _UNKNOWN.format(old=old, journal=self._journal.path))]
        (self._ready if old is None else self._waiting).append(task)
        return []

    # --- results ---------------------------------------------------------------------------------

    def _harvest(self) -> list[Event]:
        """Tasks whose outcome is on disk. Needs no cluster."""
        return [event for live in list(self._live.values()) for event in self._outcome(live)]

    def _outcome(self, live: Live) -> list[Event]:
        files = live.submission.files
        found = read(files.outcome)
        if found is None:
            return []
        if found.get("state") == SUCCEEDED:
            return self._end(live, SUCCEEDED, "", found.get("time"))
        cause = f"exit code {found.get('exit_code')}; log of the job: {files.log}{self._said(live)}"
        return self._end(live, FAILED, cause, found.get("time"))

    def _end(self, live: Live, state: str, cause: str, time: float | None = None) -> list[Event]:
        """A task is over; `time` is when its job says that it ended."""
        del self._live[live.submission.place]
        self._note_ended([live], state, cause, time)
        if state == SUCCEEDED:
            return [Succeeded(live.task, live.submission)]
        return [Failed(live.task, live.submission, cause)]

    def _said(self, live: Live) -> str:
        """The last line of the log that the job wrote last, else of what it printed."""
        logs = [path for path in map(Path, live.task.logs) if path.exists()]
        logs = [path for path in logs if path.stat().st_mtime >= live.since]  # not of an earlier attempt
        logs.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in (*logs, live.submission.files.log):
            if line := last_line(path):
                return f"; the last line of {path}: {line}"
        return ""

    # --- the queue -------------------------------------------------------------------------------

    def _watch(self, name: str, rows: Mapping[str, Row]) -> list[Event]:
        """Judge the jobs of a cluster that has answered."""
        now, events = self._clock(), list[Event]()
        mine = [live for live in self._live.values() if live.submission.cluster == name]
        for live in mine:
            live.last = _row_of(live.submission, rows)
            alive = live.last is not None and live.last.alive
            live.over_since = None if alive else live.over_since or now
        forgotten = [live.submission.job_id for live in mine if live.last is None]
        told = self._clusters[name].accounting(forgotten) if forgotten else {}
        for live in mine:
            live.last = live.last or _row_of(live.submission, told)
            over = 0.0 if live.over_since is None else now - live.over_since
            verdict = judge(live.last, over, self._options.grace)
            if verdict is not Verdict.KEEP:
                events += self._outcome(live) or self._over(live, verdict)
        return events

    def _over(self, live: Live, verdict: Verdict) -> list[Event]:
        """A job is over and has left no outcome."""
        state = f"SLURM says {live.last.state}" if live.last else "the job is not known any more"
        if live.last and live.last.reason not in WAITING:  # else why it once had to wait
            state += f" ({live.last.reason})"
        task = live.task
        if verdict is Verdict.AGAIN and task.returns < self._options.max_returns:
            self._clusters[live.submission.cluster].cancel([live.submission.job_id])
            del self._live[live.submission.place]
            self._note_ended([live], "interrupted", state)
            task.returns += 1
            self._ready.append(task)
            count = f"{task.returns} of at most {self._options.max_returns} times"
            return [Note(f"{task.label}: {state}; submitted again, {count}")]
        self._clusters[live.submission.cluster].cancel([live.submission.job_id])
        log = live.submission.files.log
        hint = "; more memory: resource mem_mb" if live.last and live.last.state == "OUT_OF_MEMORY" else ""
        said = last_line(log)
        end = f", which ends: {said}" if said else ", which was not written"
        return self._end(live, "lost", f"no result was left: {state}{hint}; log: {log}{end}")

    # --- what an earlier run left ----------------------------------------------------------------

    def _clusters_of(self, task: Task) -> set[str]:
        old = self._earlier.get(task.key)
        return {old.cluster} if old else set()

    def _resolve(self, name: str, rows: Mapping[str, Row]) -> list[Event]:
        """Adopt, credit, or give way for the tasks of which an earlier copy may exist."""
        events, still = list[Event](), list[Task]()
        for task in self._waiting:
            old = self._earlier.get(task.key)
            if old is not None and old.cluster != name:
                still.append(task)
                continue
            fate = Fate.GONE if old is None else earlier_runs.fate(old, task, rows, adopt=self._options.adopt)
            events += self._settle(fate, task, old, rows)
            if fate in {Fate.IN_THE_WAY, Fate.LEAVING}:
                still.append(task)
        self._waiting = still
        return events

    def _settle(self, fate: Fate, task: Task, old: Earlier | None, rows: Mapping[str, Row]) -> list[Event]:
        if old is None:
            self._ready.append(task)
        if old is None or fate is Fate.LEAVING:
            return []
        if fate is Fate.IN_THE_WAY:
            ids = earlier_runs.copies(old, rows)
            done = self._clusters[old.cluster].cancel(ids)
            old.cancelled = old.cancelled or done
            text = f"{task.label}: cancelled {some(ids)} of an earlier run, which is in the way"
            return [Note(text)] if done else []
        del self._earlier[task.key]
        if fate is Fate.GONE:
            self._journal.append(
                earlier_runs.ended(old, "lost", "gone when a later run looked", self._clock())
            )
            self._ready.append(task)
            return []
        submission = Submission(str(old.job_id), old.folder, old.name, old.cluster)
        live = Live(task, submission, old.submitted)
        self._live[submission.place] = live
        adopted = {"event": "adopted", "key": task.key, "id": old.job_id, "run": self._options.run}
        self._journal.append(adopted | {"time": self._clock()})
        events: list[Event] = [Submitted(task, submission, adopted=True)]
        return events + (self._outcome(live) if fate is Fate.DONE else [])

    # --- submission ------------------------------------------------------------------------------

    def _submit_ready(self) -> list[Event]:
        """Submit what is ready, in arrays of tasks with equal needs."""
        ready, self._ready = self._ready, []
        groups: dict[str, list[Task]] = {}
        for task in ready:
            groups.setdefault(json.dumps([task.cluster, task.parameters], sort_keys=True), []).append(task)
        events: list[Event] = []
        for tasks in groups.values():
            cluster, start = tasks[0].cluster, 0
            while start < len(tasks):
                size = min(self._submitter.limit(cluster), self._room(cluster))
                if size < 1:
                    break
                happened, taken = self._submit(tasks[start : start + size])
                events += happened
                start += taken
                if not taken:
                    break
            self._ready += tasks[start:]
        return events

    def _room(self, cluster: str) -> int:
        bound = (self._options.parallel or {}).get(cluster)
        running = sum(live.submission.cluster == cluster for live in self._live.values())
        return 1_000_000 if bound is None else max(0, bound - running)

    def _submit(self, tasks: list[Task]) -> tuple[list[Event], int]:
        """Submit one array; what happened, and how many tasks are dealt with."""
        answer = self._submitter.submit(tasks, others=bool(self._live))
        for submitted in answer.submitted:
            self._live[submitted.submission.place] = Live(submitted.task, submitted.submission, self._clock())
        for task, old in answer.in_doubt:
            self._earlier[task.key] = old
            self._waiting.append(task)
        silence = self._silence.note(tasks[0].cluster, answered=False) if answer.in_doubt else []
        return [*answer.events, *answer.submitted, *silence], answer.taken

    def _note_ended(self, lives: Iterable[Live], state: str, cause: str, time: float | None = None) -> None:
        time = self._clock() if time is None else time
        jobs = [earlier_runs.of_task(live.task, live.submission) for live in lives]
        self._journal.append(*(earlier_runs.ended(job, state, cause, time) for job in jobs))


def _row_of(submission: Submission, rows: Mapping[str, Row]) -> Row | None:
    """The row of a job; ids repeat on a cluster that was set up anew, names do not."""
    row = rows.get(submission.job_id)
    return row if row is not None and row.name == submission.name else None
