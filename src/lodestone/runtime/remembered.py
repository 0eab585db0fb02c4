"""The size of batches that fitted last, remembered for a whole campaign: per stage and kind of device.

Without it every shard would run out of memory anew before it found the same size. A small JSON file each,
which only ever gets smaller numbers. Jobs of one campaign may read and write it at the same time: what is
lost then is one lesson, which the next job learns again. Nothing is remembered of a CPU, where sizes never
change.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodestone.runtime.checkpoints import load_json
from lodestone.runtime.files import write_json

FOLDER = "batch_sizes"
"""Of a campaign: where the files lie."""
_JOB: ContextVar[tuple[Path, str] | None] = ContextVar("job", default=None)


def begin(state: Path | None, stage: str) -> None:
    """Tell which job this process is: its folder of unfinished work (None: it has none), and its stage."""
    folders = [] if state is None else [folder.parent for folder in state.parents if folder.name == "state"]
    _JOB.set((folders[0], stage) if folders else None)


@dataclass(frozen=True)
class Remembered:
    """The size that is remembered in a file."""

    path: Path

    def most(self, wanted: int) -> int:
        """The size that was asked for, or the smaller one that is remembered."""
        found = load_json(self.path, is_size)
        return min(wanted, found["batch_size"]) if found else wanted

    def lower(self, size: int) -> None:
        """Remember a size, unless a smaller one is."""
        if self.most(size + 1) > size:
            write_json(self.path, {"batch_size": size})


def remembered(what: str, device: str) -> Remembered | None:
    """What this job's campaign remembers of its stage, for `what` on a kind of device, e.g. NVIDIA H200.

    None on a CPU, and where no campaign is known.
    """
    job = _JOB.get()
    if job is None or device == "cpu":
        return None
    campaign, stage = job
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{stage}-{what}-{device}").strip("-")
    return Remembered(campaign / FOLDER / f"{name}.json")


def is_size(value: Any) -> bool:
    """Whether a value is what is written of a size."""
    size = value.get("batch_size") if isinstance(value, dict) else None
    return isinstance(size, int) and not isinstance(size, bool) and size > 0
