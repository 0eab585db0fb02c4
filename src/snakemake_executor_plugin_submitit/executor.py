"""Between Snakemake and the dispatcher: jobs become tasks, events become reports."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

from snakemake_executor_plugin_submitit import identity
from snakemake_executor_plugin_submitit.clusters import Cluster, Local, Slurm
from snakemake_executor_plugin_submitit.dispatcher import Dispatcher
from snakemake_executor_plugin_submitit.resources import ResourceError, parameters
from snakemake_executor_plugin_submitit.submitter import Options
from snakemake_executor_plugin_submitit.tasks import (
    Event,
    Note,
    Submission,
    Submitted,
    Succeeded,
    Task,
)

WAKE = 0.2  # seconds in which a new job is noticed
MARGIN = 20.0  # seconds between the end of a command's time to stop and the time limit of its job


class Executor(RemoteExecutor):
    """Runs jobs through submitit. One thread, Snakemake's own for status checks, talks to the cluster."""

    def __init__(self, workflow: Any, logger: Any) -> None:
        # before the base class, whose thread begins at once
        self._dispatcher: Dispatcher | None = None
        self._new: list[Any] = []
        self._wake = threading.Event()
        self._turn = threading.Lock()  # held while the cluster is talked to
        self._stopped = False
        self._cpus = 1
        self._open: dict[str, SubmittedJobInfo] = {}
        self._settings = workflow.executor_settings
        super().__init__(workflow, logger)

    def __post_init__(self) -> None:
        """Called by the base class when its own state is there."""
        settings = self._settings
        run, folder = secrets.token_hex(3), Path(settings.folder).absolute()
        self._tmpdir = str(folder / run)  # what jobs wait for must outlive this process
        if settings.cluster == "slurm" and shutil.which("sbatch") is None:
            raise WorkflowError(
                "there is no sbatch on this machine: start Snakemake on a login node of the cluster, or use "
                "a profile for one machine, or `--submitit-cluster local`"
            )
        try:
            Path(self._tmpdir).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkflowError(f"submitit-folder {folder} cannot be written: {error}") from error
        clusters: dict[str, Cluster] = {"local": Local()}
        if shutil.which("squeue"):
            clusters["slurm"] = Slurm(settings.array_limit, settings.max_timeouts)
        options = Options(
            run=run,
            folder=folder,
            cwd=Path.cwd(),
            grace=float(settings.missing_grace),
            stop_within=max(0.5 * settings.signal_delay, settings.signal_delay - MARGIN),
            max_returns=settings.max_timeouts,
            adopt=not settings.no_adopt,
            parallel={"local": settings.here_parallel} if settings.cluster == "slurm" else {},
        )
        self._dispatcher = Dispatcher(clusters, options)

    # --- what Snakemake calls --------------------------------------------------------------------

    def run_jobs(self, jobs: list[Any]) -> None:
        """Take jobs, all at once; the thread of the status checks submits them as few arrays."""
        for job in jobs:
            self.run_job_pre(job)
        with self.lock:
            self._new += jobs
        self._wake.set()

    def run_job(self, job: Any) -> None:
        """Take one job."""
        self.run_jobs([job])

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncIterator[SubmittedJobInfo]:
        """Do one turn of the dispatcher; yields what goes on."""
        if self._dispatcher is not None:  # else the base class is not ready either, though its thread runs
            async with self.status_rate_limiter:
                await asyncio.to_thread(self._take_turn)
        for info in active_jobs:
            if self._open.get(_key(info)) is info:
                yield info

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Cancel everything of this run. Snakemake's list is not used: a check may have emptied it."""
        del active_jobs
        self._stopped = True
        with self._turn:  # a submission that is under way ends first
            if self._dispatcher is not None:
                self._report(self._dispatcher.cancel())

    def shutdown(self) -> None:
        """End the thread; say what is left of earlier runs."""
        if self._dispatcher is not None and (left := self._dispatcher.left_behind()):
            self._say(
                "jobs of an earlier run, for which this one did not ask, may still be there: "
                f"{' '.join(left[:20])} (cancel them with scancel if they are not wanted)"
            )
        self._tmpdir = tempfile.mkdtemp()  # the base class removes its folder; ours holds the logs
        super().shutdown()

    async def sleep(self) -> None:
        """Wait for the next check, or for the next job."""
        left = float(self.next_seconds_between_status_checks)
        while left > 0 and self.wait and not self._wake.is_set():
            await asyncio.sleep(min(WAKE, left))
            left -= WAKE
        self._wake.clear()

    @property
    def cores(self) -> int:
        """What Snakemake may use on the node: the CPUs of the job, not those of the node."""
        return self._cpus

    # --- turns -----------------------------------------------------------------------------------

    def _take_turn(self) -> None:
        with self._turn:
            if self._stopped or self._dispatcher is None:
                return
            with self.lock:
                new, self._new = self._new, []
            tasks = [task for job in new if (task := self._task(job)) is not None]
            self._report(self._dispatcher.tick(tasks))

    def _task(self, job: Any) -> Task | None:
        """The job as a task; None where its resources are wrong, which is reported."""
        here = self._settings.cluster == "local" or set(job.rules) <= set(self._settings.here)
        try:
            asked = parameters(job.resources, job.threads, self._settings)
        except (ResourceError, WorkflowError) as error:  # or needs of a group exclude each other
            self.report_job_error(SubmittedJobInfo(job), msg=f"{_label(job)}: {error}. ")
            return None
        self._cpus = asked["cpus_per_task"]
        one = not job.is_group()
        return Task(
            key=identity.key(job),
            content=identity.content(job),
            command=self.format_job_exec(job),
            parameters=asked,
            label=_label(job),
            cluster="local" if here else "slurm",
            rules=tuple(sorted(job.rules)),
            wildcards={name: str(value) for name, value in job.wildcards.items()} if one else {},
            outputs=tuple(str(file) for member in identity.members(job) for file in member.output),
            logs=tuple(map(str, job.log)),
            attempt=job.attempt,
            forced=any(self.dag.reason(member).forced for member in identity.members(job)),
            complete=lambda: all(Path(str(file)).exists() for file in job.output),
            payload=job,
        )

    def _report(self, events: list[Event]) -> None:
        """Tell Snakemake what happened."""
        for event in events:
            if isinstance(event, Note):
                self._say(event.text, warning=event.warning)
            elif isinstance(event, Submitted):
                self._note_submission(event)
            elif isinstance(event, Succeeded):
                self.report_job_success(self._close(event.task, event.submission))
            else:
                # The cause names the job's log. Were it given as a log, --show-failed-logs would print it,
                # and with it the error that the Snakemake inside of the job has already reported.
                info = self._close(event.task, event.submission)
                self.report_job_error(info, msg=f"{event.task.label}: {event.cause}. ")

    def _say(self, text: str, *, warning: bool = False) -> None:
        """Snakemake's loggers leave %-arguments as they are: the text comes whole."""
        (self.logger.warning if warning else self.logger.info)(text)

    def _note_submission(self, event: Submitted) -> None:
        task, id_ = event.task, event.submission.job_id
        again = task.key in self._open
        info = SubmittedJobInfo(task.payload, external_jobid=id_, aux={"key": task.key})
        self._open[task.key] = info
        if event.adopted:
            self._say(f"{task.label}: goes on as job {id_} of an earlier run")
        if again:  # Snakemake knows the job as submitted
            with self.lock:
                self.active_jobs.append(info)
        else:
            self.report_job_submission(info)

    def _close(self, task: Task, submission: Submission | None) -> SubmittedJobInfo:
        info = self._open.pop(task.key, None)
        return info or SubmittedJobInfo(task.payload, submission.job_id if submission else None)


def _key(info: SubmittedJobInfo) -> str:
    return str((info.aux or {}).get("key"))


def _label(job: Any) -> str:
    """A short name for listings: the rule, or the group."""
    name = job.groupid if job.is_group() else job.rule.name
    return re.sub(r"[^A-Za-z0-9_-]+", "-", str(name))[:40]
