"""A sampler in one file: atoms on a line in a cubic cell, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from lodestone.sampling.samplers.base import Drawer, Job, Sampler

if TYPE_CHECKING:
    import polars as pl

    from lodestone.sampling.shard import ShardPlan


class Grid(Sampler):
    """Atoms evenly on a line, their elements by chance."""

    uses_network: ClassVar[bool] = False
    title: ClassVar[str] = "atoms on a line"
    citation: ClassVar[str] = "B. Toymaker, Atoms on a line, J. Toys 2, 1 (2021)."

    kind: Literal["grid"] = Field("grid", description="Atoms evenly on a line.")
    spacing: Annotated[float, Field(gt=0)] = Field(2.0, description="Distance of neighbours, Å.")

    def drawer(self, job: Job) -> Drawer:
        """What draws the shard."""
        from lodestone.sampling.job import shard_plan

        plan = shard_plan(job.settings, {}, job.device)
        elements = job.settings["chemical_system"].split("-")
        return Drawer(plan, lambda offset, size: self._rows(plan, elements, offset, size))

    def _rows(self, plan: ShardPlan, elements: list[str], offset: int, size: int) -> pl.DataFrame:
        import numpy as np
        import polars as pl

        from lodestone.runtime.seeds import derive_seed
        from lodestone.sampling.rows import sample_rows
        from lodestone.structures.elements import NUMBERS

        seed = derive_seed(plan.seed, plan.arm, plan.shard, offset)
        rng, n_atoms = np.random.default_rng(seed), max(plan.n_atoms)
        line = np.arange(n_atoms)[:, None] / n_atoms
        cell = self.spacing * n_atoms * np.eye(3)
        crystals = [
            (rng.choice([NUMBERS[e] for e in elements], n_atoms), cell, line * [1, 1, 1]) for _ in range(size)
        ]
        rows = sample_rows(plan, offset, crystals, [None] * size, [None] * size, seed)
        first = plan.first + offset
        ancestry = [[first + i] for i in range(size)]
        return rows.with_columns(pl.Series("ancestry", ancestry, dtype=pl.List(pl.Int32)))
