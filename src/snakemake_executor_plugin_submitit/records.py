"""What a job leaves beside its log: when and where it started, how it ended.

A job writes them, whoever waits for it reads them; SLURM need not be asked. JSON, written atomically.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_submitit.full_disk import patiently

SUCCEEDED, FAILED = "succeeded", "failed"


@dataclass(frozen=True)
class JobFiles:
    """The files of one job, `job_id` as SLURM writes it: 123, or 123_4 in an array."""

    folder: Path
    job_id: str

    @property
    def log(self) -> Path:
        """Everything that the job printed, over all of its starts."""
        return self.folder / f"{self.job_id}_0_log.out"

    @property
    def started(self) -> Path:
        """Its starts."""
        return self.folder / f"{self.job_id}_started.json"

    @property
    def outcome(self) -> Path:
        """How it ended."""
        return self.folder / f"{self.job_id}_outcome.json"

    @property
    def result(self) -> Path:
        """What submitit writes when its part of a job is over; never read, only looked for."""
        return self.folder / f"{self.job_id}_0_result.pkl"


def read(path: Path) -> dict[str, Any] | None:
    """A record, or None where it is not there or not whole."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write(path: Path, value: dict[str, Any]) -> None:
    """Write a record: the old one stays until the new one is whole and on disk."""
    patiently(path, lambda: _write(path, value))


def _write(path: Path, value: dict[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with temporary.open("w", encoding="utf-8") as stream:
        json.dump(value, stream)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def last_line(path: Path, limit: int = 300) -> str | None:
    """The last line of a log that says something, cut to `limit` characters; None without one."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - 8192))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:limit] if lines else None
