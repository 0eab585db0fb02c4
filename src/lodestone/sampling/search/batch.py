"""One batch of a structure search, from seed to rows.

One process: at every level of the diffusion the clean estimate is moved by λ_t times a physical step, then
the finishing relaxation takes it to a minimum (arXiv 2604.27636). With λ ≡ 0 the denoising is that of plain
sampling, bit for bit. Without a score there is nothing to denoise: a random structure moves by forces alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.sampling.inpainting import fixed_batch
from lodestone.sampling.isolation import Isolated, Watch
from lodestone.sampling.loop import LoopOptions, denoise
from lodestone.sampling.rows import UNDECIDED, crystal_of, sample_rows
from lodestone.sampling.search.drift import Drift
from lodestone.sampling.search.finish import Counted, Finished, finish
from lodestone.sampling.search.random_structure import random_composition, random_structure
from lodestone.sampling.search.repulsive import Repulsive
from lodestone.sampling.sizes import draw_sizes
from lodestone.structures.crystals import Crystal

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Estimator
    from lodestone.energies.guards import Guards
    from lodestone.sampling.loop import Diffusion
    from lodestone.sampling.search.options import SearchOptions
    from lodestone.sampling.shard import ShardPlan
    from lodestone.sampling.template import Template

COLUMNS: dict[str, pl.DataType] = {
    Col.ESTIMATOR_CALLS: pl.Int32(),
    "search_steps": pl.Int32(),
    Col.SEARCH_CONVERGED: pl.Boolean(),
    Col.SEARCH_ENERGY: pl.Float64(),
}
"""Calls of the estimator for this structure, steps of its finishing relaxation, whether that reached its
largest force, and the energy at the end, eV/atom, with the repulsion."""


@dataclass
class _Found:
    """Structures before the finishing relaxation: why and when some failed, and calls so far."""

    crystals: list[Crystal]
    reasons: list[str | None]
    times: list[float | None]
    calls: list[int]


def search_batch(
    diffusion: Diffusion | None,
    plan: ShardPlan,
    options: SearchOptions,
    estimator: Estimator,
    guards: Guards,
    offset: int,
    size: int,
    *,
    elements: Sequence[str],
) -> pl.DataFrame:
    """Find `size` structures from the `offset`-th of the shard on, with a seed of their own.

    Without a diffusion they start from random crystals of the plan's templates, else of any composition that
    holds all `elements`. The global random state is left as it was.

    Raises:
        ValueError: a template holds more than types, or a size cannot hold all elements.
    """
    import torch

    from lodestone.runtime.seeds import derive_seed

    require_types_alone(plan.templates, every_atom=diffusion is None)
    seed = derive_seed(plan.seed, plan.arm, plan.shard, offset)
    rng = np.random.default_rng(seed)
    share, stiffness = options.repulsion_share, options.repulsion_stiffness
    counted = Counted(Repulsive(estimator, share=share, stiffness=stiffness))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if diffusion is None:
            found = _random(plan, options, size, rng, elements)
        else:
            found = _denoised(diffusion, plan, options, counted, guards, size, rng)
        ends = _finished(found, options, counted, guards)
    rows = sample_rows(plan, offset, found.crystals, found.reasons, found.times, seed)
    first = plan.first + offset
    return rows.with_columns(
        pl.Series(Col.ANCESTRY, [[first + i] for i in range(size)], dtype=pl.List(pl.Int32)),
        pl.Series(Col.ESTIMATOR_CALLS, found.calls, dtype=pl.Int32),
        pl.Series("search_steps", [e.relaxed.steps if e else 0 for e in ends], dtype=pl.Int32),
        pl.Series(Col.SEARCH_CONVERGED, [bool(e and e.relaxed.converged) for e in ends], dtype=pl.Boolean),
        pl.Series(Col.SEARCH_ENERGY, [e.energy if e else None for e in ends], dtype=pl.Float64),
    )


def require_types_alone(templates: Mapping[int, Template], *, every_atom: bool) -> None:
    """Raise ValueError for templates that hold what the finishing relaxation would move."""
    for template in templates.values():
        if tuple(template.fields) != ("types",):
            raise ValueError(
                f"sampling.template.fix: {', '.join(template.fields)} cannot be held by a structure search, "
                "whose relaxation moves positions and cell; allowed: [types]"
            )
        if every_atom and not template.atoms.all():
            raise ValueError(
                "sampling.template.atoms: a random search needs the types of all atoms; allowed: null"
            )


def _random(
    plan: ShardPlan, options: SearchOptions, size: int, rng: np.random.Generator, elements: Sequence[str]
) -> _Found:
    """Random structures of the plan's sizes; sizes that cannot hold all elements are not drawn."""
    able = {n: p for n, p in plan.n_atoms.items() if n in plan.templates or n >= len(elements)}
    if not able:
        raise ValueError(
            f"sampling.atoms: no cell of up to {max(plan.n_atoms)} atoms holds the {len(elements)} elements "
            f"{'-'.join(elements)}; allowed: sizes from {len(elements)} on"
        )
    crystals = []
    for n_atoms in draw_sizes(able, size, 1, rng):
        known = plan.templates.get(n_atoms)
        numbers = random_composition(elements, n_atoms, rng) if known is None else known.numbers
        crystals.append(_arrays(random_structure(numbers, options.start, rng)))
    return _Found(crystals, [None] * size, [None] * size, [0] * size)


def _denoised(
    diffusion: Diffusion,
    plan: ShardPlan,
    options: SearchOptions,
    counted: Counted,
    guards: Guards,
    size: int,
    rng: np.random.Generator,
) -> _Found:
    """Denoised structures, forces in their drift."""
    sizes = draw_sizes(plan.n_atoms, size, 1, rng)
    watch = Watch(size, getattr(diffusion, "lonely", None))
    isolated = Isolated(diffusion, watch)
    state = diffusion.prior(sizes)
    state = replace(state, fixed=fixed_batch(plan.templates, sizes, state.cell.device))
    drift = Drift(isolated, options.drift, counted, guards, watch.reasons.__contains__)
    final = denoise(isolated, state, drift, options=LoopOptions(), watch=watch, rng=rng)
    final = final.on_host()
    return _Found(
        [crystal_of(final, watch, i) for i in range(size)],
        [watch.reasons.get(i) for i in range(size)],
        [watch.times.get(i) for i in range(size)],
        [drift.calls.get(i, 0) for i in range(size)],
    )


def _finished(
    found: _Found, options: SearchOptions, counted: Counted, guards: Guards
) -> list[Finished | None]:
    """Relax, in place, what has not failed; None for the rest."""
    ends: list[Finished | None] = [None] * len(found.crystals)
    if options.relax_steps == 0:
        return ends
    sound = [
        i
        for i, (numbers, _, _) in enumerate(found.crystals)
        if found.reasons[i] is None and (numbers != UNDECIDED).all()
    ]
    relaxed = finish([_atoms(found.crystals[i]) for i in sound], options, counted, guards)
    for i, end in zip(sound, relaxed, strict=True):
        ends[i] = end
        found.crystals[i] = _arrays(end.relaxed.atoms)
        found.reasons[i] = end.relaxed.failure
        found.calls[i] += end.calls
    return ends


def _atoms(crystal: Crystal) -> Atoms:
    from ase import Atoms

    numbers, cell, frac = crystal
    return Atoms(numbers=numbers, cell=cell, scaled_positions=frac, pbc=True)


def _arrays(atoms: Atoms) -> Crystal:
    return atoms.numbers.astype(int), atoms.cell.array.copy(), atoms.get_scaled_positions(wrap=True)
