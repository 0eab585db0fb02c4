"""Tweedie, renoising and resampling against analytic answers, for MatterGen's own corruptions."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from training.mattergen.config import checkpoint_config

from lodestone.sampling.mattergen.checkpoint import Checkpoint, build
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
from lodestone.sampling.particles import gather, systematic
from lodestone.sampling.process import clean_estimate, renoise, symmetric_noise
from lodestone.sampling.state import MASK, Score, State


@pytest.fixture(scope="module")
def diffusion() -> MatterGenDiffusion:
    import numpy as np

    eye = np.eye(3)
    config = checkpoint_config(2.3 * eye, 0.4 + 0 * eye, 0.08, {"all": {4: 1}})
    torch.manual_seed(0)
    module = build(config, steps=50).eval().requires_grad_(requires_grad=False)
    checkpoint = Checkpoint(module, config, None, "")  # type: ignore[arg-type]
    return MatterGenDiffusion(checkpoint, properties={}, guidance_factor=0.0)


def crystal(copies: int, dtype: torch.dtype = torch.float64) -> State:
    """The same 3-atom crystal `copies` times."""
    frac = torch.tensor([[0.1, 0.2, 0.3], [0.6, 0.7, 0.1], [0.4, 0.9, 0.8]], dtype=dtype)
    cell = torch.tensor([[3.2, 0.1, 0.0], [0.1, 3.9, -0.2], [0.0, -0.2, 4.4]], dtype=dtype)
    return State(
        frac=frac.repeat(copies, 1),
        cell=cell.repeat(copies, 1, 1),
        numbers=torch.tensor([3, 27, 8]).repeat(copies),
        n_atoms=torch.full((copies,), 3),
        structure_idx=torch.repeat_interleave(torch.arange(copies), 3),
    )


@pytest.mark.parametrize("level", [0, 12, 25, 37, 49])
def test_tweedie_recovers_the_clean_structure(diffusion: MatterGenDiffusion, level: int) -> None:
    """With the analytic score of a known crystal, x̂₀ is that crystal."""
    clean, t = crystal(4), diffusion.times[level]
    kernel = diffusion.kernel(clean, t)
    torch.manual_seed(level)
    spread = (1 - kernel.alpha**2) * kernel.variance
    shift = kernel.sigma * torch.randn_like(clean.frac)
    mean = kernel.alpha * clean.cell + (1 - kernel.alpha) * kernel.limit
    noisy_cell = mean + torch.sqrt(spread) * symmetric_noise(clean.cell)
    masked = torch.rand(12) < 1 - kernel.kept
    noisy = clean.with_fields(clean.frac + shift, noisy_cell, torch.where(masked, MASK, clean.numbers))
    logits = torch.full((12, 101), -40.0, dtype=torch.float64)
    logits[torch.arange(12), clean.numbers - 1] = 0.0
    score = Score(-shift / kernel.sigma**2, -(noisy_cell - mean) / spread, logits)
    found = clean_estimate(noisy, score, kernel)
    assert torch.allclose(found.frac, clean.frac, atol=1e-5)
    # α is 6e-3 at t = 1, which magnifies float32 rounding of the kernel itself
    assert torch.allclose(found.cell, clean.cell, atol=1e-5 if level else 2e-3)
    assert torch.equal(found.types.argmax(dim=1) + 1, clean.numbers)
    assert found.types.max(dim=1).values.min() > 1 - 1e-5


def test_the_limit_mean_matters(diffusion: MatterGenDiffusion) -> None:
    """Dropping the limit-mean term, as the reference code does, would be far off."""
    clean, t = crystal(1), diffusion.times[25]
    kernel = diffusion.kernel(clean, t)
    offset = (1 - kernel.alpha) / kernel.alpha * kernel.limit
    assert float(offset.abs().max()) > 0.5


@pytest.mark.parametrize("level", [5, 20, 40])
def test_renoised_moments_match_the_marginal(diffusion: MatterGenDiffusion, level: int) -> None:
    """x_s from p(x_s|x_0), renoised to t, has the moments of p(x_t|x_0)."""
    clean, t = crystal(6000), diffusion.times[level]
    early, late = diffusion.kernel(clean, t, steps_later=1), diffusion.kernel(clean, t)
    torch.manual_seed(level)
    spread = (1 - early.alpha**2) * early.variance
    mean = early.alpha * clean.cell + (1 - early.alpha) * early.limit
    hidden = torch.rand(len(clean.frac)) < 1 - early.kept
    at_s = clean.with_fields(
        torch.remainder(clean.frac + early.sigma * torch.randn_like(clean.frac), 1.0),
        mean + torch.sqrt(spread) * symmetric_noise(clean.cell),
        torch.where(hidden, MASK, clean.numbers),
    )
    found = renoise(at_s, early, late)
    expected = late.alpha * clean.cell[0] + (1 - late.alpha) * late.limit[0]
    std = torch.sqrt((1 - late.alpha**2) * late.variance[0, 0, 0])
    assert torch.allclose(found.cell.mean(dim=0), expected, atol=5 * float(std) / 6000**0.5)
    assert torch.allclose(found.cell.std(dim=0) / std, torch.ones(3, 3).double(), atol=0.05)
    assert torch.equal(found.cell, found.cell.transpose(1, 2))
    # a wrapped normal's first trigonometric moment is exp(-(2πσ)²/2) e^{2πi μ}
    angle = 2 * torch.pi * (found.frac - clean.frac)
    decay = float(torch.exp(-0.5 * (2 * torch.pi * late.sigma[0, 0]) ** 2))
    assert float(torch.cos(angle).mean()) == pytest.approx(decay, abs=0.02)
    assert float(torch.sin(angle).mean()) == pytest.approx(0.0, abs=0.02)
    masked = float((found.numbers == MASK).double().mean())
    assert masked == pytest.approx(1 - late.kept, abs=0.015)


def test_masking_schedule_is_the_d3pm_one(diffusion: MatterGenDiffusion) -> None:
    """From s to t an atom is masked with probability 1/(N - k_s)."""
    state, n = crystal(1), len(diffusion.times)
    for level in (1, 10, 30, 48):
        t = diffusion.times[level]
        early, late = diffusion.kernel(state, t, steps_later=1), diffusion.kernel(state, t)
        k = round(early.kept * n)
        assert 1 - late.kept / early.kept == pytest.approx(1 / k, rel=1e-4)


def test_systematic_resampling_keeps_expected_counts() -> None:
    weights = torch.tensor([[0.7, 0.1, 0.1, 0.1]]).repeat(4000, 1)
    torch.manual_seed(1)
    parents = systematic(weights, torch.rand(4000, 1))
    share = torch.bincount(parents.flatten(), minlength=4) / 16000
    assert torch.allclose(share, weights[0], atol=0.01)
    even = systematic(torch.full((1, 4), 0.25), torch.tensor([[0.3]]))
    assert even.tolist() == [[0, 1, 2, 3]]


def blank(state: State) -> Score:
    return Score(
        torch.zeros_like(state.frac), torch.zeros_like(state.cell), torch.zeros(len(state.frac), 101)
    )


def test_gather_moves_whole_structures() -> None:
    state = crystal(3)
    marked = state.with_fields(
        state.frac + state.structure_idx[:, None],
        state.cell * torch.tensor([1.0, 2, 3])[:, None, None],
        state.numbers,
    )
    found, _ = gather(marked, blank(marked), torch.tensor([2, 0, 0]))
    assert torch.equal(found.cell, marked.cell[[2, 0, 0]])
    assert torch.equal(found.frac[:3], marked.frac[6:])


def test_gather_refuses_different_sizes() -> None:
    state = SimpleNamespace(
        n_atoms=torch.tensor([2, 3]), frac=torch.zeros(5, 3), structure_idx=torch.tensor([0, 0, 1, 1, 1])
    )
    with pytest.raises(ValueError, match="same number of atoms"):
        gather(state, None, torch.tensor([1, 1]))  # type: ignore[arg-type]
