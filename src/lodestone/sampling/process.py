"""The mathematics of the noise process: clean estimates, exact renoising, and a Langevin corrector.

Upstream's corrector (Song et al., arXiv 2011.13456, algorithm 4) averages norms over the batch, which
couples structures. Here the step of a structure is 2 a (r |z|/|s|)² with its own norms of noise z
and score s, signal-to-noise ratio r, and never more than 2 r² σ², the value at the exact score.

Positions: wrapped variance-exploding, x_t = wrap(x_0 + σ_t z). Lattice: variance-preserving toward
a cubic limit, L_t = α_t L_0 + (1 - α_t) m + sqrt((1 - α_t²) v) z with symmetric z. Types: D3PM with
an absorbing mask (MatterGen, Zeni et al., Nature 639, 624, 2025, supplement A).
"""

from __future__ import annotations

import torch
from torch import Tensor

from lodestone.constraints.clean import CleanEstimate
from lodestone.sampling.state import MASK, Confining, Kernel, Score, State


def clean_estimate(state: State, score: Score, kernel: Kernel) -> CleanEstimate:
    """x̂₀ by Tweedie's formula.

    F̂₀ = F + σ² s_F (left unwrapped), L̂₀ = (L + (1 - α²) v s_L - (1 - α) m) / α, and for the types
    the softmax of the logits without the mask where an atom is masked, one-hot where it is not.
    Held values are known: they are themselves.
    """
    spread = (1 - kernel.alpha**2) * kernel.variance
    cell = (state.cell + spread * score.cell - (1 - kernel.alpha) * kernel.limit) / kernel.alpha
    found = CleanEstimate(
        frac=state.frac + kernel.sigma**2 * score.frac,
        cell=cell,
        types=type_probabilities(state.numbers, score.logits),
        structure_idx=state.structure_idx,
    )
    return found if state.fixed is None else state.fixed.hold(found)


def type_probabilities(numbers: Tensor, logits: Tensor) -> Tensor:
    """Probability of each atomic number, (n_atoms, 100)."""
    soft = torch.softmax(logits[:, : MASK - 1], dim=1)
    known = torch.nn.functional.one_hot((numbers - 1).clamp(max=MASK - 2), MASK - 1)
    return torch.where((numbers == MASK)[:, None], soft, known.to(soft.dtype))


def renoise(state: State, early: Kernel, late: Kernel) -> State:
    """x_t from x_s, s < t, by the exact forward kernel p(x_t | x_s).

    `early` is the kernel at s, `late` at t. F_t = wrap(F_s + sqrt(σ_t² - σ_s²) z);
    L_t = α L_s + (1 - α) m + sqrt((1 - α²) v) z_sym with α = α_t/α_s; each known atom is masked
    with probability 1 - kept_t/kept_s. A subspace that holds the state renoises within itself. Draws
    from the current random generator.
    """
    if isinstance(state.fixed, Confining):
        return state.fixed.renoise(state, early, late)
    widening = torch.sqrt((late.sigma**2 - early.sigma**2).clamp_min(0))
    frac = torch.remainder(state.frac + widening * torch.randn_like(state.frac), 1.0)
    alpha = late.alpha / early.alpha
    noise = symmetric_noise(state.cell)
    cell = alpha * state.cell + (1 - alpha) * late.limit
    cell = cell + torch.sqrt((1 - alpha**2) * late.variance) * noise
    forget = torch.rand(len(state.numbers), device=state.cell.device) < 1 - late.kept / early.kept
    return state.with_fields(frac, cell, torch.where(forget, MASK, state.numbers))


def symmetric_noise(like: Tensor) -> Tensor:
    """Symmetric (n_structures, 3, 3) noise with unit variance of every element."""
    noise = torch.randn_like(like)
    eye = torch.eye(3, device=like.device, dtype=like.dtype)
    return (1 - eye) * (noise + noise.transpose(1, 2)) / 2**0.5 + eye * noise


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
