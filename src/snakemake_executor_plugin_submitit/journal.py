"""The journal: one line per event, appended and forced to disk, so that a killed run can be taken up.

Events: `submitting` before sbatch is called (with everything about the jobs), `submitted` with the ids that
it gave, `void` where it was refused, `adopted` by a later run, `ended` with how. A line that a crash cut
short is passed over.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_submitit.full_disk import patiently

FILE = "journal.jsonl"
Event = dict[str, Any]


class Journal:
    """Appends events to `folder/journal.jsonl`, and reads them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def append(self, *events: Event) -> None:
        """Write events, whole and durable; several processes may do so at the same time."""
        if not events:
            return
        text = "".join(json.dumps(event, default=str) + "\n" for event in events)
        patiently(self.path, lambda: self._append(text))

    def _append(self, text: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as stream:
            _lock(stream.fileno())
            end = stream.seek(0, os.SEEK_END)
            if end and _last(stream) != b"\n":  # a crash cut the last line short
                text = "\n" + text
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())

    def events(self) -> Iterator[Event]:
        """Every whole event, oldest first."""
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8", errors="replace") as stream:
            for line in stream:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict) and "event" in event:
                    yield event


def _last(stream: Any) -> bytes:
    stream.seek(-1, os.SEEK_END)
    return bytes(stream.read(1))


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:  # a file system without locks; short appends are whole there too
        return
