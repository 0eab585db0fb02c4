"""How many structures a batch on a device may have, found before the first is drawn.

A network pass that guidance differentiates takes several times the memory of a plain one, and guidance may
set in late: memory would run out after nine tenths of a batch's work. So the largest batch that a plan can
draw is passed through the network once, with the gradient where there will be one, and halved until it fits.
The trial leaves the random state as it was, and nothing of it is kept but the size.

With `batch_size: auto` what that pass took says how many structures the device holds.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestone.runtime.memory import BatchSize, is_exhausted
from lodestone.runtime.remembered import remembered
from lodestone.sampling.guidance import GuidanceOptions, guided_score
from lodestone.sampling.loop import LoopOptions
from lodestone.sampling.shard import ShardPlan, Steering
from lodestone.sampling.timing import device_name

if TYPE_CHECKING:
    from lodestone.sampling.loop import Diffusion

UNGUIDED = Steering(None, GuidanceOptions(0.0), LoopOptions())
SHARE = 0.8  # of the free memory of a device that a batch may take
MOST = 1024  # structures; beyond, a batch is no faster, and its end is what a stopped job waits for


@dataclass(frozen=True)
class Trial:
    """The largest batch of a plan, as it would be drawn on a device."""

    diffusion: Diffusion
    steering: Steering
    atoms: int
    """Of the largest structure."""
    device: str
    """Its kind, as in NVIDIA H200."""
    auto: bool
    """Whether the size is chosen by what the device holds."""

    @property
    def differentiates(self) -> bool:
        """Whether guidance takes a gradient through the network."""
        return self.steering.objective is not None and self.steering.guidance.forward != 0

    def size(self, plan: ShardPlan, per_lineage: int, folder: Path, *, missing: int) -> BatchSize:
        """The size of batches to begin with; `missing` structures of the shard are to be drawn.

        Raises:
            MemoryError: a single lineage does not fit.
        """
        what, width = "gradient" if self.differentiates else "plain", self.steering.width
        wanted = max(plan.batch_size, MOST) if self.auto else plan.batch_size
        known = remembered(what, self.device)
        size = BatchSize(wanted, per_lineage, folder, known=known, width=width)
        if missing == 0:
            return size
        if self.auto and not size.resumed:
            size.now = min(size.now, plan.batch_size)
        taken = size.attempt(
            lambda most: (self.taken(min(most, missing) * width), min(most, missing) * width)
        )
        if self.auto and not size.resumed:
            self._choose(size, *taken, missing)
        return size

    def _choose(self, size: BatchSize, taken: int | None, tried: int, missing: int) -> None:
        """The number of structures that fills the device, tried again."""
        room = free()
        if not taken or room is None:
            return
        width = self.steering.width
        most = int(SHARE * room / (taken / tried)) // width
        size.choose(min(max(most, 1), MOST // width, missing))
        if size.now * width > tried:
            size.attempt(lambda most: self.taken(min(most, missing) * width))
        told = f"batch_size: auto is {size.now} structures of up to {self.atoms} atoms on {self.device}"
        print(
            f"{told}: {taken / tried / 1e6:.1f} MB each, {room / 1e9:.1f} GB are free",
            file=sys.stderr,
            flush=True,
        )

    def taken(self, width: int) -> int | None:
        """Bytes that the device gave for a pass of so many structures; None where it does not tell.

        Only that memory ran out is raised: what else may break is dealt with where structures are drawn.
        """
        import torch

        measures = torch.cuda.is_available()
        if measures:
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        passes = getattr(self.diffusion, "passes", None)
        try:
            with torch.random.fork_rng():
                self._pass(width)
        except Exception as error:  # only memory is dealt with here
            if is_exhausted(error):
                raise
            print(f"trial of a batch: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            return None
        finally:
            if passes is not None:
                self.diffusion.passes = passes  # type: ignore[attr-defined]
        return int(torch.cuda.max_memory_allocated() - before) if measures else None

    def _pass(self, width: int) -> None:
        """One plain pass, and one as guidance asks for it where guidance acts."""
        import torch

        state, times = self.diffusion.prior([self.atoms] * width), self.diffusion.times
        with torch.no_grad():
            self.diffusion.score(state, times[0])
        guidance = self.steering.guidance
        acts = [t for level, t in enumerate(times) if guidance.factor(float(t), level) != 0]
        if self.steering.objective is not None and acts:
            guided_score(self.diffusion, self.steering.objective, guidance)(state, acts[0])


def free() -> int | None:
    """Bytes that torch may still give out on its device; None where there is none."""
    import torch

    if not torch.cuda.is_available():
        return None
    unused = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return int(torch.cuda.mem_get_info()[0] + unused)


def trial_of(
    diffusion: Diffusion,
    plan: ShardPlan,
    steering: Steering,
    settings: Mapping[str, Any],
    device: str,
    *,
    atoms: int | None = None,
) -> Trial | None:
    """The trial of a job; None on a CPU, whose memory takes what it gets and whose sizes never change.

    `atoms` are those of the largest structure where the plan does not tell.
    """
    if device == "cpu":
        return None
    auto = settings["sampling"]["batch_size"] == "auto"
    return Trial(diffusion, steering, atoms or max(plan.n_atoms), device_name(device), auto)
