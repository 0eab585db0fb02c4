"""Particle steering: sequential Monte Carlo inside the sampler.

K particles of a lineage share their number of atoms. At given times each particle is weighted by
exp(-β (ℓ_now - ℓ_before)) with the gap ℓ of its clean estimate (differences of potentials, so that
the product telescopes and β = 0 changes nothing). Where the weights of a lineage have become so
uneven that its effective sample size falls below a share of K, the lineage is resampled
systematically and its weights are even again (Del Moral, Doucet & Jasra, JRSS B 68, 411, 2006).
It needs no gradient, and it moves composition, which gradients hardly do.

Look-ahead: particles are judged by what their clean estimates relax to.

Guidance can stretch a cell to any volume, and a short relaxation springs it back: the volume of a
clean estimate says little about the crystal that it will become. Here a clean estimate takes a few
relaxation steps (positions and cell, FIRE, the campaign's estimator) before its gap is measured, so
that resampling favours the structures that keep the property. It needs no gradient and works with
every constraint.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lodestone.constraints.clean import CleanEstimate
from lodestone.runtime.stopwatch import POTENTIAL
from lodestone.sampling.guidance import Objective, sane
from lodestone.sampling.loop import Diffusion
from lodestone.sampling.process import clean_estimate
from lodestone.sampling.state import Score, State

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Estimator
    from lodestone.sampling.guidance import Objective

AT_REST = 0.1  # eV/Å; an estimate whose forces are below moves no further


@dataclass(frozen=True)
class LookAhead:
    """How a clean estimate is relaxed before it is judged: at most `steps` moves."""

    estimator: Estimator
    acceptable: Callable[[Atoms], str | None]
    """Why a structure must not be given to the estimator, or None."""
    steps: int

    def relaxed(self, clean: CleanEstimate) -> tuple[CleanEstimate, Tensor]:
        """The relaxed estimates, and which of them the estimator could follow, (n_structures,).

        Each atom is taken as its most probable element. A structure that cannot be followed stays
        as it was. No gradient flows through.
        """
        from lodestone.energies.differentiable import as_atoms

        numbers = clean.types.argmax(dim=1) + 1
        structures = as_atoms(clean.frac, clean.cell, numbers, clean.structure_idx)
        # some estimators differentiate for their forces
        with torch.enable_grad(), POTENTIAL.running():
            found = self._followed(structures)
        ends = [start if end is None else end for start, end in zip(structures, found, strict=True)]
        known = torch.tensor([end is not None for end in found], device=clean.cell.device)
        return self._estimate(ends, numbers, clean), known

    def _followed(self, structures: list[Atoms]) -> list[Atoms | None]:
        """Relaxed structures; an estimator that raises loses one structure, not the batch."""
        from lodestone.energies.relax import relax
        from lodestone.runtime.memory import is_exhausted

        try:
            found = relax(
                structures, self.estimator,
                steps=self.steps, largest_force=AT_REST, acceptable=self.acceptable,
            )  # fmt: skip
        except Exception as error:  # whatever a potential raises for an odd structure
            if is_exhausted(error):
                raise
            if len(structures) == 1:
                return [None]
            return [end for atoms in structures for end in self._followed([atoms])]
        POTENTIAL.count(sum(r.steps + 1 for r in found))
        return [r.atoms if r.failure is None else None for r in found]

    @staticmethod
    def _estimate(ends: list[Atoms], numbers: Tensor, clean: CleanEstimate) -> CleanEstimate:
        frac = np.concatenate([atoms.get_scaled_positions(wrap=False) for atoms in ends])
        cell = np.stack([atoms.cell.array for atoms in ends])
        types = torch.nn.functional.one_hot(numbers - 1, clean.types.shape[1])
        return CleanEstimate(
            frac=torch.from_numpy(frac).to(clean.frac),
            cell=torch.from_numpy(cell).to(clean.cell),
            types=types.to(clean.types),
            structure_idx=clean.structure_idx,
        )


class LookAheadObjective:
    """An objective that sees clean estimates as they will be after a short relaxation."""

    def __init__(self, objective: Objective, look_ahead: LookAhead) -> None:
        self._objective, self._look_ahead = objective, look_ahead

    @torch.no_grad()
    def gap(self, clean: CleanEstimate) -> Tensor:
        """Gap after the relaxation, (n_structures,); infinite where the estimator could not follow."""
        relaxed, followed = self._look_ahead.relaxed(clean)
        return torch.where(followed, self._objective.gap(relaxed), torch.inf)


HOPELESS = 50.0  # gap of a clean estimate that is no crystal


@dataclass(frozen=True)
class ParticleOptions:
    """count K of particles per lineage, inverse temperature β, and the times of weighting.

    A lineage is resampled where its effective sample size is below `resample_below` · K, and at
    the last time always, so that its members leave with even weights. 1 resamples every time.
    """

    count: int = 8
    beta: float = 4.0
    times: tuple[float, ...] = (0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03)
    resample_below: float = 0.6
    one_per_lineage: bool = False
    """Whether one member of each lineage, drawn at random, makes the sample, or all do."""


class Particles:
    """Resamples lineages of K consecutive structures; keeps the ancestry of each."""

    def __init__(
        self,
        diffusion: Diffusion,
        objective: Objective,
        options: ParticleOptions,
        failed: Collection[int] = (),
    ) -> None:
        """`failed` are the structures that have broken so far (may grow); they breed no copies."""
        self._diffusion, self._objective, self._options = diffusion, objective, options
        self._failed = failed
        self._levels = {int(torch.argmin((diffusion.times - t).abs())) for t in options.times}
        self._before: Tensor | None = None
        self._weights: Tensor | None = None
        self.ancestry: list[list[int]] = []
        """Per resampling, the structure each structure was copied from."""

    def remembered(self) -> dict[str, Any]:
        """The gaps and weights of the last weighting, and the ancestry."""
        return {"before": self._before, "weights": self._weights, "parents": self.ancestry}

    def recall(self, memory: dict[str, Any]) -> None:
        """Go on from that weighting."""
        self._before, self._weights = memory["before"], memory["weights"]
        self.ancestry = memory["parents"]

    def due(self, t: Tensor) -> bool:
        """Whether structures are weighted at this level."""
        return self._level(t) in self._levels

    @torch.no_grad()
    def __call__(self, state: State, t: Tensor, score: Score) -> tuple[State, Score]:
        """Weight, and resample where it is time to, a state and its score at x_t."""
        if not self.due(t):
            return state, score
        clean = clean_estimate(state, score, self._diffusion.kernel(state, t))
        gap = self._objective.gap(clean)
        gap = torch.where(sane(clean) & torch.isfinite(gap), gap, HOPELESS).clamp_max(HOPELESS)
        logits = -self._options.beta * (gap - (0.0 if self._before is None else self._before))
        if self._weights is not None:
            logits = logits + self._weights
        parents, resampled = self._parents(logits, last=self._level(t) == max(self._levels))
        self._before = gap[parents]
        self._weights = torch.where(resampled, 0.0, logits)
        if bool(resampled.any()):
            self.ancestry.append(parents.tolist())
        return gather(state, score, parents)

    def _level(self, t: Tensor) -> int:
        return int(torch.argmin((self._diffusion.times - t).abs()))

    def _parents(self, logits: Tensor, *, last: bool) -> tuple[Tensor, Tensor]:
        """The parent of every structure, and whether its lineage was resampled."""
        n, k = len(logits), self._options.count
        missing = -n % k  # the last lineage may have fewer members
        own = torch.arange(n + missing, device=logits.device)
        alive = own < n
        alive[list(self._failed)] = False
        logits = torch.nn.functional.pad(logits, (0, missing))
        masked = torch.where(alive, logits, -torch.inf).reshape(-1, k)
        some = alive.reshape(-1, k).any(dim=1)
        weights = torch.softmax(torch.where(some[:, None], masked, 0.0), dim=1)
        effective = 1 / (weights**2).sum(dim=1)
        living = alive.reshape(-1, k).sum(dim=1)
        uneven = effective < self._options.resample_below * living
        due = some & (uneven | last)
        offsets = torch.rand(len(weights), 1, device=logits.device)
        chosen = systematic(weights, offsets) + k * torch.arange(len(weights), device=logits.device)[:, None]
        moves = due.repeat_interleave(k) & alive
        return torch.where(moves, chosen.flatten(), own)[:n], due.repeat_interleave(k)[:n]


def systematic(weights: Tensor, offsets: Tensor) -> Tensor:
    """Systematic resampling: (n_lineages, K) weights and (n_lineages, 1) offsets in [0, 1)."""
    k = weights.shape[1]
    points = (torch.arange(k, device=weights.device) + offsets) / k
    edges = torch.cumsum(weights, dim=1)
    edges = edges / edges[:, -1:]  # so that rounding leaves no point beyond the last edge
    found = torch.searchsorted(edges, points, right=True)
    # a point on the very end belongs to the last particle that has any weight
    last = k - 1 - torch.argmax((weights.flip(1) > 0).to(torch.int8), dim=1, keepdim=True)
    return torch.minimum(found, last)


def gather(state: State, score: Score, parents: Tensor) -> tuple[State, Score]:
    """The batch (and its score) whose i-th structure is structure `parents[i]`; sizes must agree."""
    starts = torch.cumsum(state.n_atoms, 0) - state.n_atoms
    if not torch.equal(state.n_atoms[parents], state.n_atoms):
        raise ValueError("particles of a lineage must have the same number of atoms")
    within = torch.arange(len(state.frac), device=state.frac.device) - starts[state.structure_idx]
    atoms = starts[parents][state.structure_idx] + within
    moved = state.with_fields(state.frac[atoms], state.cell[parents], state.numbers[atoms])
    return moved, Score(score.frac[atoms], score.cell[parents], score.logits[atoms])


def ancestors(steps: list[list[int]], n_structures: int) -> list[list[int]]:
    """Per structure, its ancestors' places in the batch: at t = 1, then after each resampling."""
    paths = [[i] for i in range(n_structures)]
    for parents in steps:
        paths = [[*paths[parent], i] for i, parent in enumerate(parents)]
    return paths
