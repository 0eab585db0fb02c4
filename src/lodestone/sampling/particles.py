"""Particle steering: sequential Monte Carlo inside the sampler.

K particles of a lineage share their number of atoms. At a few times each particle is weighted by
exp(-β (ℓ_now - ℓ_before)) with the loss ℓ of its clean estimate (differences of potentials, so the
product telescopes and β = 0 changes nothing), and the lineage is resampled systematically. It needs
no gradient and moves composition, which gradients hardly do.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lodestone.sampling.guidance import sane
from lodestone.sampling.loop import Diffusion
from lodestone.sampling.objective import Objective
from lodestone.sampling.process import clean_estimate
from lodestone.sampling.state import State

HOPELESS = 50.0  # gap of a clean estimate that is no crystal


@dataclass(frozen=True)
class ParticleOptions:
    """count K of particles per lineage, inverse temperature β, and the times of resampling."""

    count: int = 4
    beta: float = 4.0
    times: tuple[float, ...] = (0.5, 0.4, 0.3, 0.2, 0.1)


class Particles:
    """Resamples lineages of K consecutive structures; keeps the ancestry of each."""

    def __init__(self, diffusion: Diffusion, objective: Objective, options: ParticleOptions) -> None:
        self._diffusion, self._objective, self._options = diffusion, objective, options
        self._levels = {int(torch.argmin((diffusion.times - t).abs())) for t in options.times}
        self._before: Tensor | None = None
        self.ancestry: list[list[int]] = []
        """Per resampling, the structure each structure was copied from."""

    @torch.no_grad()
    def __call__(self, state: State, t: Tensor) -> State:
        """Resample at the chosen levels; any other level leaves the state alone."""
        if int(torch.argmin((self._diffusion.times - t).abs())) not in self._levels:
            return state
        score = self._diffusion.score(state, t)
        clean = clean_estimate(state, score, self._diffusion.kernel(state, t))
        gap = torch.where(sane(clean), torch.nan_to_num(self._objective.gap(clean)), HOPELESS)
        before = torch.zeros_like(gap) if self._before is None else self._before
        k = self._options.count
        logits = (-self._options.beta * (gap - before)).reshape(-1, k)
        offsets = torch.rand(len(logits), 1, device=gap.device)
        parents = systematic(torch.softmax(logits, dim=1), offsets)
        parents = (parents + k * torch.arange(len(logits), device=gap.device)[:, None]).flatten()
        self._before = gap[parents]
        self.ancestry.append(parents.tolist())
        return gather(state, parents)


def systematic(weights: Tensor, offsets: Tensor) -> Tensor:
    """Systematic resampling: (n_lineages, K) weights and (n_lineages, 1) offsets in [0, 1)."""
    k = weights.shape[1]
    points = (torch.arange(k, device=weights.device) + offsets) / k
    edges = torch.cumsum(weights, dim=1)
    edges[:, -1] = 1.0 + 1e-6
    return torch.searchsorted(edges, points, right=True).clamp_max(k - 1)


def gather(state: State, parents: Tensor) -> State:
    """The batch whose i-th structure is structure `parents[i]`; sizes must agree."""
    starts = torch.cumsum(state.n_atoms, 0) - state.n_atoms
    if not torch.equal(state.n_atoms[parents], state.n_atoms):
        raise ValueError("particles of a lineage must have the same number of atoms")
    within = torch.arange(len(state.frac), device=state.frac.device) - starts[state.structure_idx]
    atoms = starts[parents][state.structure_idx] + within
    return state.with_fields(state.frac[atoms], state.cell[parents], state.numbers[atoms])
