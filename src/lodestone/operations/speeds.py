"""How long a network pass takes: as told, as this campaign measured it, or as the stored table says."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodestone.config.campaign import Campaign
from lodestone.sampling.timing import Timing, total
from lodestone.workflow.cost import evaluations_per_pass

TABLE = Path(__file__).with_name("speeds.yaml")


CPU, GPU = "cpu", "gpu"


@dataclass(frozen=True)
class Speed:
    """Seconds per network pass and structure on a device, and where the figure is from."""

    device: str
    seconds_per_pass: float
    source: str
    measured_here: bool = False
    """Whether this campaign's own shards were timed."""

    @property
    def unit(self) -> str:
        """What an hour on it is called."""
        return "CPU-hours" if self.device.lower() == CPU else "GPU-hours"


@dataclass(frozen=True)
class Pace:
    """Seconds per evaluation of the potential and structure, and where the figure is from."""

    seconds: float
    source: str


@dataclass(frozen=True)
class Entry:
    """One measurement of the stored table."""

    device: str
    """The name of the GPU as torch tells it, or cpu."""
    model: str
    """embedded or published."""
    atoms: int
    """The most atoms per cell."""
    batch: int
    evaluations: int
    """Evaluations of the network in a pass: 2 where both halves of classifier-free guidance are mixed."""
    seconds_per_pass: float
    source: str
    """How and when it was measured."""


def model_kind(campaign: Campaign) -> str:
    """Embedded, published, or own for a folder, whose network may have any size."""
    checkpoint = campaign.model.checkpoint
    if checkpoint == "embedded":
        return checkpoint
    return "own" if Path(checkpoint).is_dir() else "published"


def speed(
    campaign: Campaign,
    timings: Path,
    *,
    device: str | None = None,
    given: float | None = None,
    table: Path = TABLE,
) -> Speed | None:
    """The best known speed for a campaign, or None.

    Args:
        campaign: What is to be sampled.
        timings: Folder of the campaign's own timings.
        device: `cpu`, `gpu` for any, or a part of a GPU's name; None takes what the campaign ran on.
        given: Seconds per pass as the user has them.
        table: Stored measurements.
    """
    if given is not None:
        return Speed(device or GPU, given, "as given by --seconds-per-pass")
    return own(by_device(timings), device) or stored(read_table(table), campaign, device or CPU)


def pace(timings: Path, given: float | None = None) -> Pace | None:
    """How long an evaluation of the potential takes: as told, or as this campaign's sampling measured it."""
    if given is not None:
        return Pace(given, "as given by --seconds-per-evaluation")
    asked = [t for t in by_device(timings) if t.evaluations > 0]
    number = sum(t.evaluations for t in asked)
    if not number:
        return None
    seconds = sum(t.evaluation_seconds for t in asked)
    return Pace(seconds / number, f"{number:,.0f} evaluations while this campaign was sampled")


def own(timings: Iterable[Timing], device: str | None) -> Speed | None:
    """The speed of the device that sampled most of what was timed."""
    fitting = [t for t in timings if device is None or is_device(t.device, device)]
    most = max(fitting, key=lambda timing: timing.passes, default=None)
    if most is None:
        return None
    source = f"{most.structures:,} structures of this campaign"
    return Speed(most.device, most.seconds / most.passes, source, measured_here=True)


def stored(entries: Iterable[Entry], campaign: Campaign, device: str) -> Speed | None:
    """The entry of this kind of model and device whose cells are nearest in size."""
    atoms, kind = campaign.sampling.most_atoms, model_kind(campaign)
    fitting = [e for e in entries if e.model == kind and is_device(e.device, device)]
    if not fitting:
        return None
    nearest = min(fitting, key=lambda e: (abs(e.atoms - atoms), -e.atoms))
    seconds = nearest.seconds_per_pass * evaluations_per_pass(campaign) / nearest.evaluations
    size = f"cells of up to {nearest.atoms} atoms, batches of {nearest.batch}"
    return Speed(nearest.device, seconds, f"stored, {size}: {nearest.source}")


def is_device(name: str, asked: str) -> bool:
    """Whether a device is the one asked for."""
    cpu = name.lower() == CPU
    if asked.lower() in {CPU, GPU}:
        return cpu == (asked.lower() == CPU)
    return not cpu and asked.lower() in name.lower()


def by_device(folder: Path) -> list[Timing]:
    """All timings below a folder, added up by device."""
    kinds: dict[str, list[Timing]] = defaultdict(list)
    for path in sorted(folder.glob("*/*.json")):
        timing = _timing(path)
        if timing is not None:
            kinds[timing.device].append(timing)
    return [found for several in kinds.values() if (found := total(several)) is not None]


def read_table(path: Path = TABLE) -> list[Entry]:
    """The stored measurements."""
    import yaml

    content: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [Entry(**entry) for entry in content]


def _timing(path: Path) -> Timing | None:
    """A timing; None where the file is none."""
    try:
        found = Timing(**json.loads(path.read_text(encoding="utf-8")))
        usable = found.passes > 0 and found.seconds > 0
    except (OSError, ValueError, TypeError):
        return None
    return found if usable else None
