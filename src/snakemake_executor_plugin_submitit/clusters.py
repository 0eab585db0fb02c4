"""The thin edge to where jobs run: SLURM, or processes of this machine, both through submitit."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from snakemake_executor_plugin_submitit.payload import Payload
from snakemake_executor_plugin_submitit.status import SACCT, SQUEUE, Row, compact, read_sacct, read_squeue

VISIBLE = "CUDA_VISIBLE_DEVICES"
TIMEOUT = 120.0  # seconds for one command of SLURM
UNREACHABLE = re.compile(
    r"unable\ to\ contact | socket\ timed | connection\ (refused|timed|reset) | zero\ bytes | in\ standby"
    r"| communication\ connection | transport\ endpoint | slurmctld.*(not\ responding|down) | try\ again"
    r"| unexpected\ message | resource\ temporarily | configuration\ source",
    re.IGNORECASE | re.VERBOSE,
)
LIMITED = re.compile(r"submit limit|MaxSubmit|QOSMax\w*Submit|AssocMax\w*Submit|MaxJobCount", re.IGNORECASE)


class RefusedError(RuntimeError):
    """The cluster does not take the job; the message is the cluster's own."""


class LimitedError(RefusedError):
    """The user has as many jobs submitted as the cluster allows, for the moment."""


class UnreachableError(RuntimeError):
    """No answer; whether the jobs were taken is not known."""


class Cluster(Protocol):
    """What the dispatcher asks of a cluster."""

    limit: int
    """The most jobs in one submission."""
    own_folders: bool
    """Whether each submission needs a folder of its own."""

    def submit(
        self, payloads: Sequence[Payload], parameters: Mapping[str, Any], name: str, folder: Path
    ) -> list[str]:
        """Ids of the jobs, in order; raises RefusedError, LimitedError or UnreachableError."""

    def queue(self) -> dict[str, Row] | None:
        """Jobs by id; None where the cluster does not answer."""

    def accounting(self, ids: Sequence[str]) -> dict[str, Row]:
        """The same for jobs that the queue no longer lists, where accounting is kept."""

    def cancel(self, ids: Sequence[str]) -> bool:
        """Whether the cluster has taken the order."""


class Slurm:
    """SLURM, through sbatch (submitit's), squeue, scancel and, where it works, sacct."""

    own_folders = False

    def __init__(self, array_limit: int, max_timeouts: int) -> None:
        self.limit, self._max_timeouts = array_limit, max_timeouts
        self._accounting = shutil.which("sacct") is not None

    def submit(
        self, payloads: Sequence[Payload], parameters: Mapping[str, Any], name: str, folder: Path
    ) -> list[str]:
        """One sbatch for all payloads."""
        import submitit
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        try:
            executor = submitit.AutoExecutor(
                folder, cluster="slurm", slurm_max_num_timeout=self._max_timeouts
            )
            executor.update_parameters(name=name, **parameters)
            with outside_of_jobs():
                jobs = executor.submit_array(list(payloads))
        except (FailedJobError, FailedSubmissionError) as error:
            raise sorted_out(str(error)) from error
        except (NameError, ValueError, AssertionError, RuntimeError) as error:
            raise RefusedError(str(error)) from error
        return [job.job_id for job in jobs]

    def queue(self) -> dict[str, Row] | None:
        """All jobs of the user, in one call."""
        found = _call(SQUEUE)
        return None if found is None else read_squeue(found)

    def accounting(self, ids: Sequence[str]) -> dict[str, Row]:
        """Asked only for jobs that the queue has forgotten; never again where it does not work."""
        if not self._accounting or not ids:
            return {}
        found = _call((*SACCT, "--jobs", ",".join(compact(ids))))
        if found is None:
            self._accounting = False
        return read_sacct(found or "")

    def cancel(self, ids: Sequence[str]) -> bool:
        """In portions, since a command line has an end."""
        portions = [ids[i : i + 500] for i in range(0, len(ids), 500)]
        answers = [_call(("scancel", *portion)) for portion in portions]  # every portion is tried
        return None not in answers


class Local:
    """Processes of this machine; they outlive the process that started them."""

    limit = 1
    own_folders = True  # whose name finds a process again, as the name of a job does in SLURM

    def __init__(self) -> None:
        self._children: dict[str, Any] = {}

    def submit(
        self, payloads: Sequence[Payload], parameters: Mapping[str, Any], name: str, folder: Path
    ) -> list[str]:
        """A process for each payload; `name` is of no use here."""
        import submitit

        executor = submitit.AutoExecutor(folder, cluster="local")
        shared = {k: v for k, v in parameters.items() if not k.startswith("slurm_") and k != "cpus_per_task"}
        executor.update_parameters(name=name, **shared)
        ids = []
        with outside_of_jobs():
            for payload in payloads:
                # submitit would show each job the first GPUs of the machine, or none, whatever is visible
                payload.variables[VISIBLE] = os.environ.get(VISIBLE)
                job = executor.submit(payload)
                self._children[job.job_id] = job
                ids.append(str(job.job_id))
        return ids

    def queue(self) -> dict[str, Row]:
        """Processes of submitit that are alive; the id is that of the process."""
        import psutil

        for job in list(self._children.values()):
            job.get_info()  # collects a child that has ended
        rows = {}
        for process in psutil.process_iter(["pid", "cmdline", "status"]):
            words = process.info["cmdline"] or []
            if "submitit.local._local" in words and process.info["status"] != psutil.STATUS_ZOMBIE:
                rows[str(process.info["pid"])] = Row("RUNNING", name=Path(words[-1]).name)
        return rows

    def accounting(self, ids: Sequence[str]) -> dict[str, Row]:
        """There is none."""
        del ids
        return {}

    def cancel(self, ids: Sequence[str]) -> bool:
        """End the processes and everything below them; only those that are submitit's."""
        import psutil

        alive = self.queue()
        for id_ in set(ids) & alive.keys():
            with suppress(psutil.Error):
                process = psutil.Process(int(id_))
                for one in (process, *process.children(recursive=True)):
                    with suppress(psutil.Error):
                        one.send_signal(signal.SIGKILL)
        return True


def sorted_out(message: str) -> RefusedError | UnreachableError:
    """What a failed sbatch means, from what it printed."""
    if LIMITED.search(message):
        return LimitedError(message)
    if UNREACHABLE.search(message):
        return UnreachableError(message)
    return RefusedError(message)


@contextmanager
def outside_of_jobs() -> Iterator[None]:
    """The environment without the variables of a job that Snakemake itself may run in.

    The variable that names the cluster's configuration stays.
    """
    from submitit.helpers import clean_env

    kept = {name: os.environ[name] for name in ("SLURM_CONF", "SLURM_CLUSTERS") if name in os.environ}
    with clean_env():
        os.environ.update(kept)
        yield


def _call(command: Sequence[str]) -> str | None:
    """What a command prints; None where it fails or does not answer."""
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout if found.returncode == 0 else None
