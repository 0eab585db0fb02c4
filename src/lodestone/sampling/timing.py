"""How fast sampling went: one small file per finished shard, read again by plan and status."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from lodestone.runtime.files import write_json
from lodestone.runtime.stopwatch import POTENTIAL, Stopwatch

Clock = Callable[[], float]
TF32 = ", dense layers in TF32"


@dataclass(frozen=True)
class Timing:
    """What was sampled of a shard on one device, and how long that took."""

    device: str
    """The name of the GPU, or cpu."""
    structures: int
    """Structures of all runs of the job on this device, which a stopped job has several of."""
    passes: float
    """Network passes of all of them together."""
    seconds: float
    """Wall time, without that of batches which were not finished, nor that of the potential."""
    evaluations: float = 0.0
    """Evaluations of the potential by particles that look ahead and terms of energy, of structures."""
    evaluation_seconds: float = 0.0
    """Wall time of them."""

    @property
    def all_seconds(self) -> float:
        """Wall time of the network and the potential together."""
        return self.seconds + self.evaluation_seconds

    def with_more(self, other: Timing) -> Timing:
        """Both together, on the device of this one."""
        return Timing(
            self.device,
            self.structures + other.structures,
            self.passes + other.passes,
            self.seconds + other.seconds,
            self.evaluations + other.evaluations,
            self.evaluation_seconds + other.evaluation_seconds,
        )


class Account:
    """The timing of a shard, kept beside its finished batches: a stopped job goes on with it."""

    def __init__(
        self,
        folder: Path,
        device: str,
        passes: float,
        clock: Clock = time.monotonic,
        potential: Stopwatch = POTENTIAL,
    ) -> None:
        """`passes` are those of one structure. What another device did is not counted, nor its time."""
        self._path, self._passes, self._clock = folder / "timing.json", passes, clock
        self._potential, self._asked = potential, (0, 0.0)
        found = _read(self._path)
        self.timing = found if found and found.device == device else Timing(device, 0, 0.0, 0.0)
        self._done: int | None = None
        self._at = 0.0

    def earlier(self, seconds: float) -> None:
        """So many seconds of other runs, without the potential's, went into the batch that is told next."""
        self._at -= seconds

    def tell(self, done: int) -> None:
        """So many structures of the shard are finished; the first call says how many there were before."""
        now = self._clock()
        if self._done is not None:
            fresh, (evaluations, seconds) = done - self._done, self._asked
            spent = self._potential.seconds - seconds
            self.timing = self.timing.with_more(
                Timing(
                    self.timing.device,
                    fresh,
                    fresh * self._passes,
                    now - self._at - spent,
                    self._potential.evaluations - evaluations,
                    spent,
                )
            )
            write(self._path, self.timing)
        self._done, self._at = done, now
        self._asked = self._potential.evaluations, self._potential.seconds


def device_name(device: str, *, tf32: bool = False) -> str:
    """The name of the GPU that `cuda` stands for; any other device as it is.

    Dense layers in TF32 are another speed, so the name of a GPU says so; a CPU has none.
    """
    if device != "cuda":
        return device
    import torch

    return str(torch.cuda.get_device_name()) + (TF32 if tf32 else "")


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
    most = _largest(folder.glob("*/*.json"))
    return Rate(most.device, most.seconds / most.passes) if most else None


def read_arm(folder: Path) -> Timing | None:
    """All timings of an arm together, of the device that sampled most of it; None without any."""
    return _largest(folder.glob("*.json"))


def total(timings: Iterable[Timing]) -> Timing | None:
    """Sum of the timings of each device; that of the device with most passes."""
    sums: dict[str, Timing] = {}
    for timing in timings:
        before = sums.get(timing.device, Timing(timing.device, 0, 0.0, 0.0))
        sums[timing.device] = before.with_more(timing)
    return max(sums.values(), key=lambda timing: timing.passes, default=None)


def _largest(paths: Iterable[Path]) -> Timing | None:
    return total(filter(None, map(_read, sorted(paths))))


def _read(path: Path) -> Timing | None:
    try:
        timing = Timing(**json.loads(path.read_text(encoding="utf-8")))
        usable = timing.passes > 0 and timing.seconds > 0
    except (OSError, ValueError, TypeError):
        return None
    return timing if usable else None
