"""A shard: the unit of work and of resume. Its batches are written one by one, atomically.

Each batch has a seed of its own, derived from the campaign's seed, the arm, the shard and the
batch, so that a killed shard continues after its last finished batch and ends with exactly the
structures of an undisturbed one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.sampling.guided import GuidanceOptions, guided_score
from lodestone.sampling.isolation import Watch
from lodestone.sampling.loop import LoopOptions, denoise
from lodestone.sampling.particles import ParticleOptions, Particles
from lodestone.sampling.state import MASK, State
from lodestone.structures import table

if TYPE_CHECKING:
    from lodestone.sampling.loop import Diffusion
    from lodestone.sampling.objective import Objective

UNDECIDED = 0  # atomic number on disk of an atom whose type was never decided (failed structures)


@dataclass(frozen=True)
class ShardPlan:
    """What a shard makes: `structures` crystals, numbered from `first` within their arm."""

    campaign: str
    arm: str
    shard: int
    first: int
    structures: int
    batch_size: int
    seed: int
    n_atoms: Mapping[int, float]
    """Probability of each number of atoms."""

    def batches(self) -> list[tuple[int, int]]:
        """(offset within the shard, size) of every batch."""
        starts = range(0, self.structures, self.batch_size)
        return [(s, min(self.batch_size, self.structures - s)) for s in starts]


@dataclass(frozen=True)
class Steering:
    """How a shard is steered; `objective` None is plain MatterGen."""

    objective: Objective | None
    guidance: GuidanceOptions
    loop: LoopOptions
    particles: ParticleOptions | None = None


def sample_shard(
    diffusion: Diffusion, plan: ShardPlan, steering: Steering, state_folder: Path
) -> Iterator[tuple[int, int]]:
    """Sample every batch that is not on disk yet; yields (structures done, structures in all)."""
    done = 0
    for number, (offset, size) in enumerate(plan.batches()):
        path = batch_path(state_folder, number)
        if not path.exists():
            table.write_table(sample_batch(diffusion, plan, steering, number, offset, size), path)
        done += size
        yield done, plan.structures


def collect(plan: ShardPlan, state_folder: Path) -> pl.DataFrame:
    """The finished shard: all batches in order."""
    numbers = range(len(plan.batches()))
    return pl.concat([table.read_table(batch_path(state_folder, i)) for i in numbers])


def finished(plan: ShardPlan, state_folder: Path) -> int:
    """Structures of the batches that are already on disk."""
    sizes = [size for _, size in plan.batches()]
    return sum(n for i, n in enumerate(sizes) if batch_path(state_folder, i).exists())


def batch_path(state_folder: Path, number: int) -> Path:
    """Where a finished batch lies."""
    return state_folder / f"batch-{number:04d}.parquet"


def sample_batch(
    diffusion: Diffusion,
    plan: ShardPlan,
    steering: Steering,
    number: int,
    offset: int,
    size: int,
) -> pl.DataFrame:
    """Sample one batch with its own seed; the global random state is left as it was."""
    import torch

    from lodestone.campaign.seeds import derive_seed

    seed = derive_seed(plan.seed, plan.arm, plan.shard, number)
    rng = np.random.default_rng(seed)
    per_lineage = steering.particles.count if steering.particles else 1
    sizes = draw_sizes(plan.n_atoms, size, per_lineage, rng)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        watch = Watch(size)
        resample = None
        if steering.particles is not None and steering.objective is not None:
            resample = Particles(diffusion, steering.objective, steering.particles)
        final = denoise(
            diffusion,
            diffusion.prior(sizes),
            guided_score(diffusion, steering.objective, steering.guidance),
            options=steering.loop,
            watch=watch,
            on_level=resample,
        )
    index = plan.first + offset + np.arange(size)
    return _rows(final, watch, plan, index, number, seed, per_lineage)


def draw_sizes(
    distribution: Mapping[int, float], size: int, per_lineage: int, rng: np.random.Generator
) -> list[int]:
    """Numbers of atoms of a batch; the members of a lineage share theirs."""
    values = np.array(list(distribution), dtype=int)
    p = np.array(list(distribution.values()), dtype=float)
    lineages = -(-size // per_lineage)
    drawn = rng.choice(values, size=lineages, p=p / p.sum())
    return [int(n) for n in np.repeat(drawn, per_lineage)[:size]]


def _rows(
    final: State,
    watch: Watch,
    plan: ShardPlan,
    index: np.ndarray,
    batch: int,
    seed: int,
    per_lineage: int,
) -> pl.DataFrame:
    numbers, cells, fracs = [], [], []
    for i in range(final.n_structures):
        atoms = final.structure_idx == i
        frac, cell, types = watch.kept.get(i, (final.frac[atoms], final.cell[i], final.numbers[atoms]))
        z = types.cpu().numpy().astype(int)
        numbers.append(np.where(z == MASK, UNDECIDED, z))
        cells.append(cell.double().cpu().numpy())
        fracs.append(frac.double().cpu().numpy())
    reasons = [watch.reasons.get(i) for i in range(final.n_structures)]
    for i, z in enumerate(numbers):
        if reasons[i] is None and (z == UNDECIDED).any():
            reasons[i] = "an atom's type was never decided"
    ids = [f"{plan.campaign}/{plan.arm}/{plan.shard:04d}/{i:05d}" for i in index]
    return table.from_arrays(ids, numbers, cells, fracs).with_columns(
        pl.lit(plan.arm).alias("arm"),
        pl.lit(plan.shard, dtype=pl.Int32).alias("shard"),
        pl.Series("index", index, dtype=pl.Int32),
        pl.lit(batch, dtype=pl.Int32).alias("batch"),
        pl.Series("lineage", index // per_lineage, dtype=pl.Int32),
        pl.Series("failed", [r is not None for r in reasons], dtype=pl.Boolean),
        pl.Series("failure", reasons, dtype=pl.String),
        pl.Series("t_failed", [watch.times.get(i) for i in range(len(reasons))], dtype=pl.Float64),
        pl.lit(seed, dtype=pl.Int64).alias("seed"),
    )


def largest_batch(batch_size: str | int, device: str, per_lineage: int) -> int:
    """Structures per batch; `auto` is 32 on a CPU and 128 on a GPU, in whole lineages."""
    size = (128 if device.startswith("cuda") else 32) if batch_size == "auto" else int(batch_size)
    return max(per_lineage, size - size % per_lineage)


def size_distribution(
    config: Mapping[str, Any], chemical_system: str | None, atoms: Mapping[str, Any]
) -> dict[int, float]:
    """Distribution of the number of atoms within the campaign's bounds.

    The checkpoint's own counts (`data_module.num_atoms_counts`, per chemical system) where it has
    them, else that of MatterGen's training set Alex-MP-20. `exactly` overrides both.
    """
    if atoms.get("exactly") is not None:
        return {int(atoms["exactly"]): 1.0}
    counts = (config.get("data_module") or {}).get("num_atoms_counts")
    if counts:
        found = counts.get(chemical_system) or counts["all"]
    else:
        from lodestone.sampling.mattergen import compat

        compat.install()
        from mattergen.common.data.num_atoms_distribution import NUM_ATOMS_DISTRIBUTIONS

        found = NUM_ATOMS_DISTRIBUTIONS["ALEX_MP_20"]
    inside = {int(n): float(p) for n, p in found.items() if atoms["min"] <= int(n) <= atoms["max"]}
    if not inside:
        known = f"{min(map(int, found))} to {max(map(int, found))}"
        raise ValueError(
            f"sampling.atoms: no structure size between {atoms['min']} and {atoms['max']} atoms is "
            f"known to the checkpoint for {chemical_system}; it has {known}"
        )
    return inside
