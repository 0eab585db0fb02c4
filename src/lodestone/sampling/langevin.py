"""A Langevin corrector whose step size is each structure's own.

Upstream's corrector (Song et al., arXiv 2011.13456, algorithm 4) averages norms over the batch, which
couples structures. Here the step of a structure is 2 a (r |z|/|s|)² with its own norms of noise z
and score s, signal-to-noise ratio r, and never more than 2 r² σ², the value at the exact score.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lodestone.sampling.process import symmetric_noise
from lodestone.sampling.state import Kernel, Score, State

TINY = 1e-12


def correct_each(state: State, score: Score, now: Kernel, next_: Kernel, snr: tuple[float, float]) -> State:
    """One Langevin step at (x_t, t) for positions and lattice, `snr` of each.

    `next_` is the kernel after the following predictor step; the lattice's step is scaled by
    a = (α_t/α_s)², as upstream does. Draws from the current random generator.
    """
    noise = torch.randn_like(state.frac)
    step = _step(
        snr[0], state.sum_squares(noise), state.sum_squares(score.frac), _first(now.sigma[:, 0] ** 2, state)
    )[state.structure_idx, None]
    frac = torch.remainder(state.frac + step * score.frac + torch.sqrt(2 * step) * noise, 1.0)
    shake = symmetric_noise(state.cell)
    spread = ((1 - now.alpha**2) * now.variance)[:, 0, 0]
    ratio = (now.alpha / next_.alpha) ** 2
    pull = (score.cell**2).sum(dim=(1, 2))
    stride = ratio * _step(snr[1], (shake**2).sum(dim=(1, 2)), pull, spread)[:, None, None]
    cell = state.cell + stride * score.cell + torch.sqrt(2 * stride) * shake
    return state.with_fields(frac, symmetrised(cell), state.numbers)


def symmetrised(cell: Tensor) -> Tensor:
    """The symmetric positive-definite cell of the same shape (polar decomposition)."""
    left, values, _ = torch.linalg.svd(cell)
    return (left * values[:, None, :]) @ left.transpose(1, 2)


def _step(snr: float, noise2: Tensor, score2: Tensor, variance: Tensor) -> Tensor:
    return 2 * snr**2 * torch.minimum(noise2 / score2.clamp_min(TINY), variance)


def _first(per_atom: Tensor, state: State) -> Tensor:
    """The value of each structure's first atom."""
    starts = torch.cumsum(state.n_atoms, 0) - state.n_atoms
    return per_atom[starts]
