"""How fast sampling went: one small file per finished run of a shard, read again by plan and status."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lodestone.files import write_json


@dataclass(frozen=True)
class Timing:
    """What one job sampled, and how long that took."""

    device: str
    structures: int
    """Structures sampled by this job (not those that it found finished)."""
    passes: float
    """Network passes of all of them together."""
    seconds: float
    """Wall time."""


@dataclass(frozen=True)
class Rate:
    """Seconds of wall time per structure and network pass, on a device."""

    device: str
    seconds_per_pass: float


def path_of(samples: Path) -> Path:
    """Where the timing of a shard lies, from the path of its samples; as `CampaignPaths.timing`."""
    return samples.parents[3] / "timing" / samples.parents[1].name / f"{samples.stem}.json"


def write(path: Path, timing: Timing) -> None:
    """Write the timing of a shard, atomically."""
    write_json(path, asdict(timing))


def read_rate(folder: Path) -> Rate | None:
    """The rate of the device that sampled most, over all timings below `folder`; None without any.

    Files that are no timings are passed over.
    """
    found = [timing for path in sorted(folder.glob("*/*.json")) if (timing := _read(path))]
    if not found:
        return None
    passes: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for timing in found:
        passes[timing.device] = passes.get(timing.device, 0.0) + timing.passes
        seconds[timing.device] = seconds.get(timing.device, 0.0) + timing.seconds
    device = max(passes, key=lambda name: passes[name])
    return Rate(device, seconds[device] / passes[device])


def _read(path: Path) -> Timing | None:
    try:
        timing = Timing(**json.loads(path.read_text(encoding="utf-8")))
        usable = timing.passes > 0 and timing.seconds > 0
    except (OSError, ValueError, TypeError):
        return None
    return timing if usable else None
