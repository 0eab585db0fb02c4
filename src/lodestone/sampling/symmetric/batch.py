"""Batches of the symmetric sampler: which structure takes which proposal, and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.runtime.seeds import derive_seed
from lodestone.sampling.rows import crystal_of
from lodestone.sampling.shard import ShardPlan, Steering, steered_batch
from lodestone.sampling.symmetric.diffusion import SymmetricDiffusion
from lodestone.sampling.symmetric.lattice_family import exact_geometry
from lodestone.sampling.symmetric.subspace import ASSIGNED
from lodestone.structures.crystals import Crystal
from lodestone.wyckoff.proposals import Proposal

if TYPE_CHECKING:
    from lodestone.sampling.isolation import Watch
    from lodestone.sampling.loop import Diffusion
    from lodestone.sampling.state import State

COLUMNS: dict[str, pl.DataType] = {
    Col.ASKED_SPACE_GROUP: pl.Int16(),
    Col.ASKED_ORBITS: pl.String(),
    "proposal": pl.Int32(),
}
"""Columns beside those of every sample: number of the space group that was asked for, its occupied Wyckoff
positions (`Li:a Co:b O:c`), the place of the proposal in the ranking."""


def symmetric_batch(
    diffusion: Diffusion,
    plan: ShardPlan,
    steering: Steering,
    proposals: Sequence[Proposal],
    offset: int,
    size: int,
    *,
    elements: str = ASSIGNED,
    draw: str = "even",
) -> pl.DataFrame:
    """Sample `size` structures from the `offset`-th of the shard on, each in the subspace of a proposal.

    Which proposal does not depend on batches (see `chosen_proposals`). The seed is that of `sample_batch`;
    the global random state is left as it was.

    Raises:
        ValueError: no proposals; `elements` or `draw` is not one of its words.
    """
    per_row = steering.copies // steering.per_lineage
    first = (plan.first + offset) * per_row
    lineages = [(first + i) // steering.copies for i in range(size * per_row)]
    places = chosen_proposals(plan, proposals, lineages, draw)
    taken = [proposals[place] for place in places]
    confined = SymmetricDiffusion(diffusion, taken, elements=elements)

    def start(source: Diffusion, width: int, rng: np.random.Generator) -> State:  # noqa: ARG001
        return source.prior(confined.sizes)

    def crystal(final: State, watch: Watch, index: int) -> Crystal:
        numbers, cell, frac = crystal_of(final, watch, index)
        if final.fixed is None or index in watch.reasons:
            return numbers, cell, np.mod(frac, 1.0)
        return numbers, *exact_geometry(taken[index], cell, frac)

    rows = steered_batch(confined, plan, steering, offset, size, start=start, crystal=crystal)
    mine = places[::per_row]
    return rows.with_columns(
        pl.Series(Col.ASKED_SPACE_GROUP, [proposals[p].space_group for p in mine], dtype=pl.Int16),
        pl.Series(Col.ASKED_ORBITS, [" ".join(map(str, proposals[p].orbits)) for p in mine], dtype=pl.String),
        pl.Series("proposal", mine, dtype=pl.Int32),
    )


def chosen_proposals(
    plan: ShardPlan, proposals: Sequence[Proposal], lineages: Sequence[int], draw: str
) -> list[int]:
    """The place of the proposal of every lineage of the arm; structures are lineages of one.

    even: one after the other, so that each is taken equally often; weight: drawn by weight, with random
    numbers of the lineage's own.

    Raises:
        ValueError: no proposals; weights of no use; `draw` is neither even nor weight.
    """
    if not proposals:
        raise ValueError("no proposals to sample in; at least one is needed")
    if draw == "even":
        return [lineage % len(proposals) for lineage in lineages]
    if draw != "weight":
        raise ValueError(f"draw is {draw!r}; allowed are even, weight")
    weights = np.array([proposal.weight for proposal in proposals], dtype=float)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise ValueError("weights of proposals must be finite, not negative, and not all zero")
    edges = np.cumsum(weights) / weights.sum()
    seeds = (derive_seed(plan.seed, plan.arm, "proposal", lineage) for lineage in lineages)
    points = [np.random.default_rng(seed).random() for seed in seeds]
    found = np.searchsorted(edges, points, side="right").clip(max=len(edges) - 1)
    return [int(place) for place in found]
