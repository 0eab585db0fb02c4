"""A shard: the unit of work and of resume. Its batches are written one by one, atomically.

Each batch has a seed of its own, derived from the campaign's seed, the arm, the shard and the
batch's offset in the shard, so that a killed shard continues after its last finished batch, or inside the
one that was begun (see `resume`), and ends with exactly the structures of an undisturbed one. A batch that
does not fit into memory is halved; the sizes used are in the rows, and with the same sizes the structures are
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.runtime.memory import BatchSize
from lodestone.runtime.seeds import derive_seed
from lodestone.runtime.signals import stop_if_asked
from lodestone.sampling.batches import Batches, batch_path
from lodestone.sampling.guidance import GuidanceOptions, guided_score
from lodestone.sampling.inpainting import HeldObjective, fixed_batch
from lodestone.sampling.isolation import Isolated, Watch
from lodestone.sampling.loop import LoopOptions, denoise
from lodestone.sampling.particles import LookAhead, LookAheadObjective, ParticleOptions, Particles, ancestors
from lodestone.sampling.resume import Bookmark, drawn, place_of, size_of
from lodestone.sampling.rows import crystal_of, sample_rows
from lodestone.sampling.sizes import draw_sizes
from lodestone.structures.crystals import Crystal

if TYPE_CHECKING:
    from lodestone.sampling.guidance import Objective
    from lodestone.sampling.loop import Diffusion
    from lodestone.sampling.state import State
    from lodestone.sampling.template import Template
    from lodestone.sampling.trial import Trial

__all__ = [
    "ShardPlan",
    "Steering",
    "batch_path",
    "collect",
    "finished",
    "run_shard",
    "sample_batch",
    "sample_shard",
    "steered_batch",
]

Draw = Callable[[int, int], pl.DataFrame]
"""Draws `size` structures from the `offset`-th of the shard on, (offset, size) -> rows."""
Earlier = Callable[[float], None]
"""Is told the seconds that earlier runs of the job spent on a batch, once it is finished."""
Start = Callable[["Diffusion", int, np.random.Generator], "State"]
"""Draws x_1 of so many particles."""


@dataclass(frozen=True)
class ShardPlan:
    """What a shard makes: `structures` crystals, numbered from `first` within their arm."""

    campaign: str
    arm: str
    shard: int
    first: int
    structures: int
    batch_size: int
    """The most structures in a batch."""
    seed: int
    n_atoms: Mapping[int, float]
    """Probability of each number of atoms."""
    templates: Mapping[int, Template] = field(default_factory=dict)
    """What is known beforehand of a structure with so many atoms."""
    columns: Mapping[str, pl.DataType] = field(default_factory=dict)
    """Columns that the sampler adds to those of every sample."""


@dataclass(frozen=True)
class Steering:
    """How a shard is steered; `objective` None is plain MatterGen."""

    objective: Objective | None
    guidance: GuidanceOptions
    loop: LoopOptions
    particles: ParticleOptions | None = None
    look_ahead: LookAhead | None = None
    """Whether particles are judged by what their clean estimates relax to."""

    @property
    def copies(self) -> int:
        """Particles of a lineage."""
        return self.particles.count if self.particles else 1

    @property
    def width(self) -> int:
        """Particles of the network behind each structure of the sample."""
        return self.copies // self.per_lineage

    @property
    def per_lineage(self) -> int:
        """Structures of the sample that belong to one lineage and stay together in a batch."""
        return 1 if self.particles and self.particles.one_per_lineage else self.copies

    def judge(self, objective: Objective) -> Objective:
        """What particles are weighted by."""
        if self.look_ahead is None:
            return objective
        return cast("Objective", LookAheadObjective(objective, self.look_ahead))


def sample_shard(
    diffusion: Diffusion,
    plan: ShardPlan,
    steering: Steering,
    state_folder: Path,
    *,
    earlier: Earlier | None = None,
    trial: Trial | None = None,
) -> Iterator[tuple[int, int]]:
    """Sample by the guided sampler what is not on disk yet, as `run_shard` does."""

    def draw(offset: int, size: int) -> pl.DataFrame:
        return sample_batch(diffusion, plan, steering, offset, size)

    return run_shard(plan, draw, state_folder, per_lineage=steering.per_lineage, earlier=earlier, trial=trial)


def run_shard(
    plan: ShardPlan,
    draw: Draw,
    state_folder: Path,
    *,
    per_lineage: int = 1,
    earlier: Earlier | None = None,
    trial: Trial | None = None,
) -> Iterator[tuple[int, int]]:
    """Draw what is not on disk yet, batch by batch; yields (structures done, structures in all).

    The first pair says what was there before. A `trial` finds the size of batches that fits before the first
    is drawn. A batch that is lost between others is made again with the size that it had; one that was begun
    is continued, and `earlier` is told the seconds that other runs spent on it. Raises Stopped after a batch,
    or at a level inside one whose place is then kept, where the job was asked to stop before the end.
    """
    batches = Batches(plan, state_folder)
    yield batches.done, plan.structures
    if trial is None:
        size = BatchSize(plan.batch_size, per_lineage, state_folder)
    else:
        size = trial.size(plan, per_lineage, state_folder, missing=plan.structures - batches.done)
    while (gap := batches.gap) is not None:
        offset, missing, lost = gap

        def work(most: int, offset: int = offset, missing: int = missing) -> tuple[pl.DataFrame, float]:
            count = min(most, missing)
            bookmark = partial(
                Bookmark, place_of(state_folder, offset), _key(plan, state_folder, offset, count),
                name=f"batch {offset}", before=f"{batches.done} of {plan.structures} structures finished, ",
            )  # fmt: skip
            return drawn(bookmark, partial(draw, offset, count))

        known = lost if lost is not None and lost <= max(plan.batch_size, size.now) else None
        rows, seconds = size.attempt(work, known or _begun(state_folder, offset, size.now))
        batches.add(offset, rows)
        place_of(state_folder, offset).unlink(missing_ok=True)
        if earlier is not None:
            earlier(seconds)
        yield batches.done, plan.structures
        if batches.done < plan.structures:
            stop_if_asked(f"{batches.done} of {plan.structures} structures finished")


def _begun(folder: Path, offset: int, most: int) -> int | None:
    """The size of a batch that was begun; None where there is none, or one that no longer fits."""
    size = size_of(folder, offset)
    return size if size is not None and size <= most else None


def _key(plan: ShardPlan, folder: Path, offset: int, size: int) -> dict[str, str | int]:
    """What tells a batch from all others; the folder has the name of its settings (`batches.folder_of`)."""
    seed = derive_seed(plan.seed, plan.arm, plan.shard, offset)
    return {"settings": folder.name, "arm": plan.arm, "seed": seed, "batch": offset, "size": size}


def collect(plan: ShardPlan, state_folder: Path) -> pl.DataFrame:
    """The finished shard: all batches in order."""
    return Batches(plan, state_folder).all()


def finished(plan: ShardPlan, state_folder: Path) -> int:
    """Structures of the intact batches that are already on disk."""
    return Batches(plan, state_folder).done


def sample_batch(
    diffusion: Diffusion,
    plan: ShardPlan,
    steering: Steering,
    offset: int,
    size: int,
) -> pl.DataFrame:
    """Sample `size` structures from the `offset`-th of the shard on, with a seed of their own.

    The global random state is left as it was.
    """

    def start(source: Diffusion, width: int, rng: np.random.Generator) -> State:
        sizes = draw_sizes(plan.n_atoms, width, steering.copies, rng)
        state = source.prior(sizes)
        return replace(state, fixed=fixed_batch(plan.templates, sizes, state.cell.device))

    return steered_batch(diffusion, plan, steering, offset, size, start=start)


def steered_batch(
    diffusion: Diffusion,
    plan: ShardPlan,
    steering: Steering,
    offset: int,
    size: int,
    *,
    start: Start,
    crystal: Callable[[State, Watch, int], Crystal] = crystal_of,
) -> pl.DataFrame:
    """A batch as `sample_batch` draws it, from a given start; `crystal` takes structures from its end.

    `start` gets the isolating diffusion, the number of particles and the batch's random numbers.
    """
    import torch

    seed = derive_seed(plan.seed, plan.arm, plan.shard, offset)
    rng = np.random.default_rng(seed)
    width = size * steering.width  # particles
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        watch = Watch(width, getattr(diffusion, "lonely", None))
        isolated, objective = Isolated(diffusion, watch), steering.objective
        state = start(isolated, width, rng)
        if objective is not None and state.fixed is not None:
            objective = cast("Objective", HeldObjective(objective, state.fixed))
        resample = None
        if steering.particles is not None and objective is not None:
            judge = steering.judge(objective)
            resample = Particles(isolated, judge, steering.particles, watch.reasons)
        final = denoise(
            isolated,
            state,
            guided_score(isolated, objective, steering.guidance),
            options=steering.loop,
            watch=watch,
            on_level=resample,
            rng=rng,
        ).on_host()
    per_row = width // size
    # which particles make the sample: all, or one of each lineage whatever became of it
    chosen = np.arange(size) * per_row + rng.integers(per_row, size=size)
    crystals = [crystal(final, watch, i) for i in chosen.tolist()]
    reasons = [watch.reasons.get(i) for i in chosen.tolist()]
    times = [watch.times.get(i) for i in chosen.tolist()]
    rows = sample_rows(plan, offset, crystals, reasons, times, seed, per_lineage=steering.per_lineage)
    first = (plan.first + offset) * per_row
    return rows.with_columns(_ancestry(resample, first, width).gather(chosen))


def _ancestry(particles: Particles | None, first: int, width: int) -> pl.Series:
    """Each particle's ancestors, numbered through the arm: at t = 1, then after each resampling."""
    steps = particles.ancestry if particles else []
    paths = [[first + i for i in path] for path in ancestors(steps, width)]
    return pl.Series(Col.ANCESTRY, paths, dtype=pl.List(pl.Int32))
