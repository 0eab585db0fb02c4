"""Sends the doctor's test job as the executor sends its jobs, waits for its answer, and judges it."""

from __future__ import annotations

import json
import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestone.doctor.installation import NO_GPU, Check
from lodestone.operations.profile import Profile
from lodestone.runtime import gpu
from lodestone.runtime.device import VARIABLE
from lodestone.runtime.files import remove_folder, write_json

if TYPE_CHECKING:
    from snakemake_executor_plugin_submitit.clusters import Cluster
    from snakemake_executor_plugin_submitit.status import Row

HERE = Path(__file__).resolve().parents[1]


def judged(
    answer: Mapping[str, Any], parameters: Mapping[str, Any], files: Mapping[str, str], nonce: str
) -> Iterator[Check]:
    """Checks from the answer of a node.

    Args:
        answer: What the node wrote.
        parameters: What was asked of the cluster, as for a job that samples.
        files: Names of the files that jobs read, by their paths.
        nonce: What was written for the node to read.
    """
    yield _shared(answer, nonce)
    yield _installation(answer)
    yield _gpu(answer, parameters)
    yield _cpus(answer, parameters)
    yield from _files(answer, files)
    free = float(answer["free"]) / 1e9
    yield Check("disk on the node", "good" if free > 1 else "odd", f"{free:.1f} GB free below results")


def _shared(answer: Mapping[str, Any], nonce: str) -> Check:
    if answer.get("nonce") == nonce:
        return Check("results on the node", "good", "each machine reads what the other writes")
    remedy = "run in a folder that nodes and this machine share"
    return Check(
        "results on the node", "missing", "the node reads another file than this machine wrote", remedy
    )


def _installation(answer: Mapping[str, Any]) -> Check:
    ours = (sys.prefix, str(HERE), metadata.version("lodestone"))
    theirs = (answer["prefix"], answer["package"], answer["version"])
    if theirs == ours:
        return Check("installation on the node", "good", f"lodestone {ours[2]} in {ours[0]}")
    found = (
        f"lodestone {theirs[2]} from {theirs[1]} in {theirs[0]}; here {ours[2]} from {ours[1]} in {ours[0]}"
    )
    remedy = (
        "one environment at one path that nodes share; look at submitit-setup, PYTHONPATH and VIRTUAL_ENV"
    )
    return Check("installation on the node", "odd", found, remedy)


def gpus_asked(parameters: Mapping[str, Any]) -> str | None:
    """What of GPUs a submission asks for, in words; None for none."""
    number, gres = parameters.get("gpus_per_node"), str(parameters.get("slurm_gres", ""))
    if number:
        return f"{number} GPU{'s' if number > 1 else ''}"
    return gres if gres.startswith("gpu") else None


def _gpu(answer: Mapping[str, Any], parameters: Mapping[str, Any]) -> Check:
    found, wanted = dict(answer["torch"]), gpus_asked(parameters)
    if "error" in found and "torch" not in found:
        return Check("torch on the node", "missing", found["error"], "run `make setup`")
    version = f"torch {found['torch']}, imported in {found.pop('seconds')} s"
    sight = gpu.Sight(**found)
    fault = gpu.fault(sight)
    if wanted is None:
        more = f" (there is a {sight.name})" if sight.usable else ""
        return Check("device on the node", "good", f"CPU, no GPU is asked for{more}; {version}")
    visible = f"CUDA_VISIBLE_DEVICES={sight.visible or ''}"
    if (answer.get("device") or "").lower() == "cpu":
        remedy = f"take {VARIABLE} out of submitit-setup and the shell, or the GPU out of the profile"
        said = f"{wanted} asked for, {visible}, but {VARIABLE}=cpu there: jobs compute on CPUs; {version}"
        return Check("device on the node", "odd", said, remedy)
    if fault is None:
        return Check("device on the node", "good", f"{sight.name}; {visible}; {version}")
    said = f"{wanted} asked for, {visible}, but {fault.cause}; {version}"
    return Check("device on the node", "missing", said, fault.remedy, exit_code=NO_GPU)


def _cpus(answer: Mapping[str, Any], parameters: Mapping[str, Any]) -> Check:
    wanted, found = int(parameters["cpus_per_task"]), int(answer["cpus"])
    text = f"{found} usable, {wanted} asked for"
    if found < wanted:
        return Check(
            "CPUs on the node", "odd", text, "set-threads of the profile, or how the cluster binds them"
        )
    return Check("CPUs on the node", "good", text)


def _files(answer: Mapping[str, Any], files: Mapping[str, str]) -> Iterator[Check]:
    seen = answer["files"]
    for path, name in files.items():
        if seen.get(path):
            yield Check(f"{name} on the node", "good", path)
        else:
            remedy = "put it where nodes see it, at the same path"
            yield Check(f"{name} on the node", "missing", f"no file {path} there", remedy)


NAME = "lodestone-doctor"
LIMIT = 5  # minutes: an import of torch over a network may take more than one
RUN = 300.0  # seconds that the job may take once it has started
LAG = 20.0  # seconds until a file of the node must be seen here
POLL = 1.0


@dataclass(frozen=True)
class Sent:
    """What became of the job."""

    check: Check
    answer: dict[str, Any] | None = None
    nonce: str | None = None


@dataclass
class Watch:
    """A job that was submitted, and where it writes."""

    cluster: Cluster
    job_id: str
    answer: Path
    log: Path
    outcome: Path
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    host: str | None = field(default=None)

    def follow(self, wait: float) -> Check:
        """Wait for the answer; the job is cancelled where it does not start, or does not end."""
        begin, started, over = self.clock(), None, None
        while True:
            with suppress(OSError):
                list(self.answer.parent.iterdir())  # a network file system then looks anew
            if self.answer.is_file():
                seconds = self.clock() - begin
                self._let_end()
                return Check("test job", "good", f"job {self.job_id} answered after {seconds:.0f} s")
            now, rows = self.clock(), self.cluster.queue()
            row = None if rows is None else rows.get(self.job_id)
            if started is None and row is not None and row.state == "PENDING" and now - begin > wait:
                return self._never_started(row, wait)
            if started is None and row is not None and row.state != "PENDING":
                started = now
            if rows is not None and (row is None or not row.alive or self.outcome.is_file()):
                over = over if over is not None else now
                if now - over > LAG or (self.outcome.is_file() and now - over > LAG / 2):
                    return self._without_answer(row)
            if now - (started or begin) > (RUN if started is not None else wait + RUN):
                self.cluster.cancel([self.job_id])
                return self._wrong(f"job {self.job_id} has not ended after {RUN:.0f} s; it was cancelled")
            self.sleep(POLL)

    def _let_end(self) -> None:
        """Wait until nobody writes beside the log any more."""
        end = self.clock() + LAG
        while self.clock() < end:
            row = (self.cluster.queue() or {}).get(self.job_id)
            if row is None or not row.alive:
                return
            self.sleep(POLL)

    def _never_started(self, row: Row, wait: float) -> Check:
        self.cluster.cancel([self.job_id])
        reason = row.reason or "no reason given"
        found = f"job {self.job_id} did not start within {wait:.0f} s and was cancelled: {reason}"
        remedy = "wait longer with --wait SECONDS" if reason in {"Priority", "Resources", "None"} else WHY
        return Check("test job", "missing", found, remedy)

    def _without_answer(self, row: Row | None) -> Check:
        from snakemake_executor_plugin_submitit.records import last_line, read

        ended = read(self.outcome)
        said = last_line(self.log)
        if ended is not None and ended.get("state") == "succeeded":
            return self._wrong(
                f"job {self.job_id} ended well, but its file is not seen here",
                "run in a folder that nodes and this machine share",
            )
        how = f"ended with exit code {ended.get('exit_code')}" if ended else "is over without a result"
        state = f" ({row.state})" if row is not None and not row.alive else ""
        return self._wrong(f"job {self.job_id} {how}{state}: {said or 'nothing in its log'}")

    def _wrong(self, found: str, remedy: str | None = None) -> Check:
        return Check("test job", "missing", found, remedy or f"see {self.log}")


WHY = "`scontrol show job` and the profile's resources: nothing of the cluster may ever fit them"


def send(
    profile: Profile, parameters: Mapping[str, Any], results: Path, files: Sequence[str], wait: float
) -> Sent:
    """Submit the job with what a sampling job asks for (but a short time limit) and follow it."""
    from snakemake_executor_plugin_submitit.clusters import RefusedError, UnreachableError
    from snakemake_executor_plugin_submitit.records import JobFiles

    nonce = secrets.token_hex(8)
    place = results.absolute() / f".doctor-{nonce}"
    folder = profile.folder.absolute() / f"doctor-{nonce}"
    watch: Watch | None = None
    check = Check("test job", "missing", "interrupted")
    try:
        write_json(place / "question.json", {"nonce": nonce, "files": list(files)})
        folder.mkdir(parents=True)
        cluster = _cluster(profile)
        job_id = _submit(cluster, place, folder, parameters)
        log = JobFiles(folder, job_id)
        watch = Watch(cluster, job_id, place / "answer.json", log.log, log.outcome)
        check = watch.follow(wait)
        return Sent(check, _read(watch.answer), nonce)
    except OSError as error:
        remedy = f"write access, or another submitit-folder in {profile.path}"
        return Sent(Check("test job", "missing", f"cannot be prepared: {error}", remedy))
    except (RefusedError, UnreachableError) as error:
        check = Check(
            "test job", "missing", f"sbatch: {_words(str(error))}", f"the resources in {profile.path}"
        )
        return Sent(check)
    finally:
        if watch is not None and check.found == "interrupted":
            watch.cluster.cancel([watch.job_id])
        remove_folder(place, up_to=results.name)
        if watch is None or check.state == "good":
            shutil.rmtree(folder, ignore_errors=True)


def _cluster(profile: Profile) -> Cluster:
    from snakemake_executor_plugin_submitit.clusters import Local, Slurm

    return Slurm(profile.array_limit, 0) if profile.cluster == "slurm" else Local()


def _submit(cluster: Cluster, place: Path, folder: Path, parameters: Mapping[str, Any]) -> str:
    from snakemake_executor_plugin_submitit.payload import Payload

    arguments = [sys.executable, "-m", "lodestone.doctor.probe"]
    arguments += [str(place / "answer.json"), str(place / "question.json")]
    payload = Payload(shlex.join(arguments), str(Path.cwd()), 1.0)
    short = {"timeout_min": min(LIMIT, int(parameters["timeout_min"])), "slurm_signal_delay_s": 5}
    return cluster.submit([payload], {**parameters, **short}, NAME, folder)[0]


def _read(path: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else None
    return None


def _words(text: str) -> str:
    """The line of sbatch's own error, out of what submitit says."""
    lines = [line.strip() for line in text.splitlines() if "error" in line.lower()]
    return lines[-1] if lines else (text.strip().splitlines() or ["refused"])[0]
