"""How fast sampling went: one small file per finished run of a shard, read again by plan and status."""

from __future__ import annotations

import json
from collections.abc import Iterable
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


def path_of_pilot(output: Path) -> Path:
    """Where the timing of a pilot lies, from the path of its document."""
    return output.parents[1] / "timing" / f"pilot-{output.stem}" / "0000.json"


def write(path: Path, timing: Timing) -> None:
    """Write the timing of a shard, atomically."""
    write_json(path, asdict(timing))


def read_rate(folder: Path) -> Rate | None:
    """The rate of the device that sampled most, over all timings below `folder`; None without any.

    Files that are no timings are passed over.
    """
    total = _largest(folder.glob("*/*.json"))
    return Rate(total.device, total.seconds / total.passes) if total else None


def read_arm(folder: Path) -> Timing | None:
    """All timings of an arm together, of the device that sampled most of it; None without any."""
    return _largest(folder.glob("*.json"))


def _largest(paths: Iterable[Path]) -> Timing | None:
    """Sum of the timings of each device; that of the device with most passes."""
    sums: dict[str, Timing] = {}
    for timing in filter(None, map(_read, sorted(paths))):
        before = sums.get(timing.device, Timing(timing.device, 0, 0.0, 0.0))
        sums[timing.device] = Timing(
            timing.device,
            before.structures + timing.structures,
            before.passes + timing.passes,
            before.seconds + timing.seconds,
        )
    return max(sums.values(), key=lambda timing: timing.passes, default=None)


def _read(path: Path) -> Timing | None:
    try:
        timing = Timing(**json.loads(path.read_text(encoding="utf-8")))
        usable = timing.passes > 0 and timing.seconds > 0
    except (OSError, ValueError, TypeError):
        return None
    return timing if usable else None
