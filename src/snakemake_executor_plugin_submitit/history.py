"""Every job that was ever submitted from a folder, from its files alone: SLURM is not asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from snakemake_executor_plugin_submitit.journal import Journal
from snakemake_executor_plugin_submitit.records import JobFiles, read

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
ENDS: dict[str, State] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "lost": "failed",
    "cancelled": "cancelled",
    "interrupted": "cancelled",
}


@dataclass(frozen=True)
class Record:
    """One submitted job."""

    key: str
    """The same for the same rule and outputs."""
    rules: tuple[str, ...]
    """Several for a group."""
    wildcards: dict[str, str]
    """Empty for a group."""
    outputs: tuple[str, ...]
    run: str
    cluster: str
    job_id: str | None
    """None where the run was killed before sbatch answered."""
    log: Path | None
    parameters: dict[str, Any]
    """Of submitit."""
    attempt: int
    submitted: float
    """Seconds since 1970, as all times here."""
    started: float | None = None
    """Its last start."""
    ended: float | None = None
    host: str | None = None
    requeues: int = 0
    """How often it was started again."""
    gpus: str | None = None
    """CUDA_VISIBLE_DEVICES of its last start."""
    state: State = "queued"
    cause: str | None = None
    """Why it failed."""
    starts: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    """Every start, as the job noted it."""


def jobs(folder: Path) -> list[Record]:
    """All jobs in the order of their submission; later ones of the same key replace earlier ones."""
    found: dict[tuple[str, str], Record] = {}
    for event in Journal(folder).events():
        _apply(found, event)
    return [_with_files(record) for record in found.values()]


def newest(records: list[Record]) -> list[Record]:
    """The last job of each key."""
    return list({record.key: record for record in records}.values())


def _apply(found: dict[tuple[str, str], Record], event: Mapping[str, Any]) -> None:
    """Take one event in. Jobs are known by the name of their submission and their key."""
    name = str(event.get("name", ""))
    if event["event"] == "submitting":
        found |= {(name, job["key"]): _begun(event, job) for job in event["jobs"]}
    elif event["event"] == "submitted":
        waiting = [place for place in found if place[0] == name]
        for place, job_id in zip(waiting, event["ids"], strict=False):
            log = JobFiles(Path(str(found[place].log)), str(job_id)).log
            found[place] = replace(found[place], job_id=str(job_id), log=log)
    elif event["event"] == "void":
        for place in [place for place in found if place[0] == name]:
            del found[place]
    elif event["event"] == "ended" and (name, event["key"]) in found:
        place = (name, event["key"])
        state = ENDS.get(event["state"], "failed")
        found[place] = replace(
            found[place], state=state, ended=event.get("time"), cause=event.get("cause") or None
        )


def _begun(event: Mapping[str, Any], job: Mapping[str, Any]) -> Record:
    return Record(
        key=str(job["key"]),
        rules=tuple(job.get("rules", ())),
        wildcards=dict(job.get("wildcards", {})),
        outputs=tuple(job.get("outputs", ())),
        run=str(event.get("run", "")),
        cluster=str(event.get("cluster", "")),
        job_id=None,
        log=Path(event["folder"]),
        parameters=dict(event.get("parameters", {})),
        attempt=int(job.get("attempt", 1)),
        submitted=float(event["time"]),
    )


def _with_files(record: Record) -> Record:
    """Add what the job itself has noted."""
    if record.job_id is None or record.log is None:
        return replace(record, log=None)
    files = JobFiles(record.log.parent, record.job_id)
    starts = tuple((read(files.started) or {}).get("starts", ()))
    if starts:
        record = replace(
            record,
            starts=starts,
            started=starts[-1].get("time"),
            host=starts[-1].get("host"),
            gpus=starts[-1].get("cuda_visible_devices"),
            requeues=len(starts) - 1,
            state="running" if record.state == "queued" else record.state,
        )
    if record.state in {"queued", "running"} and (outcome := read(files.outcome)):
        failed = outcome.get("state") != "succeeded"
        record = replace(
            record,
            state="failed" if failed else "succeeded",
            ended=outcome.get("time"),
            cause=f"exit code {outcome.get('exit_code')}" if failed else None,
        )
    return record
