"""The rows of raw samples, whatever sampler drew them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.sampling.batches import ids
from lodestone.sampling.state import MASK, State
from lodestone.structures import table
from lodestone.structures.crystals import Crystal

if TYPE_CHECKING:
    from lodestone.sampling.isolation import Watch
    from lodestone.sampling.shard import ShardPlan

UNDECIDED = 0  # atomic number on disk of an atom whose type was never decided (failed structures)


def crystal_of(final: State, watch: Watch, index: int) -> Crystal:
    """A structure of a finished batch; of a failed one its last state."""
    atoms = final.structure_idx == index
    frac, cell, types = watch.kept.get(index, (final.frac[atoms], final.cell[index], final.numbers[atoms]))
    z = types.cpu().numpy().astype(int)
    numbers = np.where(z == MASK, UNDECIDED, z)
    return numbers, cell.double().cpu().numpy(), frac.double().cpu().numpy()


def sample_rows(
    plan: ShardPlan,
    offset: int,
    crystals: Sequence[Crystal],
    reasons: Sequence[str | None],
    times: Sequence[float | None],
    seed: int,
    *,
    per_lineage: int = 1,
) -> pl.DataFrame:
    """Rows of the structures from the `offset`-th of the shard on, without their ancestry.

    `reasons` say why a structure failed (None: it did not), `times` at which diffusion time. A structure
    with an atom of undecided type has failed.
    """
    size = len(crystals)
    index = plan.first + offset + np.arange(size)
    why = [
        reason or ("an atom's type was never decided" if (z == UNDECIDED).any() else None)
        for reason, (z, _, _) in zip(reasons, crystals, strict=True)
    ]
    return table.from_arrays(ids(plan, offset, size), *zip(*crystals, strict=True)).with_columns(
        pl.lit(plan.arm).alias("arm"),
        pl.lit(plan.shard, dtype=pl.Int32).alias("shard"),
        pl.Series("index", index, dtype=pl.Int32),
        pl.lit(offset, dtype=pl.Int32).alias("batch"),
        pl.lit(size, dtype=pl.Int32).alias("batch_size"),
        pl.Series(Col.LINEAGE, index // per_lineage, dtype=pl.Int32),
        pl.Series("failed", [r is not None for r in why], dtype=pl.Boolean),
        pl.Series("failure", why, dtype=pl.String),
        pl.Series("t_failed", list(times), dtype=pl.Float64),
        pl.lit(seed, dtype=pl.Int64).alias("seed"),
    )
