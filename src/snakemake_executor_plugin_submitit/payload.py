"""What runs on the node: the command of one Snakemake job, with its signals and its records.

SLURM signals every process of a job. The command and its children are therefore started with SIGUSR1,
SIGUSR2 and SIGTERM ignored, so that none of them falls over; a program that can stop and go on installs
handlers of its own.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_submitit.records import FAILED, SUCCEEDED, JobFiles, read, write

POLL = 0.2  # seconds
LATE_SIGNAL = 2.0  # seconds in which the signal that made the command fail may still be on its way
KILL_WAIT = 150.0  # seconds in which SLURM follows SIGTERM with SIGKILL, or a preemption with a requeue
PR_SET_PDEATHSIG = 1


class JobFailedError(RuntimeError):
    """The command of a job ended with an exit code other than 0."""


class Payload:
    """The command of one job. submitit pickles it, calls it on the node, and calls `checkpoint` on SIGUSR2.

    `grace` is how many seconds the command has to stop by itself after SIGUSR2.
    """

    def __init__(self, command: str, cwd: str, grace: float) -> None:
        self.command, self.cwd, self.grace = command, cwd, grace
        self.variables: dict[str, str | None] = {}  # to be set, or unset, before anything else
        self.requeues = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._terminated = False
        self._files: JobFiles | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_child": None, "_terminated": False, "_files": None}

    def __call__(self) -> dict[str, int]:
        """Run the command; raises JobFailedError where it fails."""
        import submitit

        for name, value in self.variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        environment = submitit.JobEnvironment()
        self._files = JobFiles(Path(environment.paths.folder), environment.job_id)
        self._files.outcome.unlink(missing_ok=True)  # of an earlier start of a job that was requeued
        self._note_start()
        signal.signal(signal.SIGTERM, self._note_termination)
        self._child = subprocess.Popen(
            ["/bin/bash", "-c", self.command],
            cwd=self.cwd,
            preexec_fn=_prepare_child,  # noqa: PLW1509  # one thread
        )
        code = self._wait()
        if code:
            self._hold_back()
            self._note_end(FAILED, code)
            raise JobFailedError(f"the command ended with exit code {code}: {self.command}")
        self._note_end(SUCCEEDED, 0)
        return {"exit_code": 0}

    def checkpoint(self) -> Any:
        """Ask the command to stop, wait, kill what is left; the submission to requeue.

        None where the command has finished its work meanwhile: there is nothing to requeue.
        """
        from submitit.helpers import DelayedSubmission

        self._signal_tree(signal.SIGUSR2)
        code = self._ended_within(self.grace)
        self._signal_tree(signal.SIGKILL)
        if code == 0:
            self._note_end(SUCCEEDED, 0)
            return None
        self._await_controller()
        self.requeues += 1
        return DelayedSubmission(self)

    def _wait(self) -> int:
        assert self._child is not None
        while (code := self._child.poll()) is None:
            time.sleep(POLL)
        return code

    def _hold_back(self) -> None:
        """Give the scheduler time to say that the failure is its own doing, not the command's.

        On preemption, requeue and scancel a SIGTERM comes first, and the command may end of it. Were the
        failure reported then, a job that is about to run again would be taken for failed.
        """
        end = time.monotonic() + LATE_SIGNAL
        while time.monotonic() < end or (self._terminated and time.monotonic() < end + KILL_WAIT):
            time.sleep(POLL)

    def _note_termination(self, *_: Any) -> None:
        self._terminated = True

    def _note_start(self) -> None:
        assert self._files is not None
        before = read(self._files.started) or {"starts": []}
        start = {
            "time": time.time(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "python": sys.executable,
            "restart_count": int(os.environ.get("SLURM_RESTART_COUNT", "0")),
            "requeues": self.requeues,
            "cuda_visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        }
        write(self._files.started, {"starts": [*before["starts"], start]})

    def _note_end(self, state: str, code: int) -> None:
        if self._files is not None:
            write(self._files.outcome, {"state": state, "exit_code": code, "time": time.time()})

    def _ended_within(self, seconds: float) -> int | None:
        """Exit code of the command if it ends in time. Popen.poll would deadlock inside a signal handler."""
        end = time.monotonic() + seconds
        while True:
            with suppress(ChildProcessError):
                assert self._child is not None
                found = os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if found is not None:
                    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
            if self._child is None or self._child.returncode is not None or time.monotonic() > end:
                return None if self._child is None else self._child.returncode
            time.sleep(POLL)

    def _signal_tree(self, number: signal.Signals) -> None:
        """Signal the command and everything below it."""
        import psutil

        if self._child is None:
            return
        with suppress(psutil.Error):
            for process in psutil.Process(self._child.pid).children(recursive=True):
                with suppress(psutil.Error):
                    process.send_signal(number)
        with suppress(ProcessLookupError):
            os.kill(self._child.pid, number)

    def _await_controller(self) -> None:
        """Wait until SLURM answers, since a requeue that does not reach it would fail the job.

        SLURM ends the wait, at the latest, when the time limit is reached.
        """
        if os.environ.get("SUBMITIT_EXECUTOR") != "slurm":
            return
        end = time.monotonic() + self.grace
        while time.monotonic() < end:
            with suppress(OSError, subprocess.TimeoutExpired):
                if (
                    subprocess.run(
                        ["scontrol", "ping"], capture_output=True, timeout=20, check=False
                    ).returncode
                    == 0
                ):
                    return
            time.sleep(2.0)


def _prepare_child() -> None:
    """Runs in the child: ignore what SLURM sends to every process; end when the payload is killed."""
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
