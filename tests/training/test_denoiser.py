"""The preconditioned lattice output against the exact score of a Gaussian prior."""

from __future__ import annotations

import pytest
import torch

from lodestone.sampling.mattergen.denoiser import precondition

MEAN, STD = 2.3 * torch.eye(3).double(), torch.full((3, 3), 0.4).double()
LIMIT, BETA = (2.27, 0.25), (0.1, 20.0)


def output(cell: torch.Tensor, t: float, n: int, network: float = 0.0) -> torch.Tensor:
    times, atoms = torch.full((len(cell),), t).double(), torch.full((len(cell),), n)
    return precondition(
        torch.full_like(cell, network), cell, times, atoms, moments=(MEAN, STD), limit=LIMIT, beta=BETA
    )


def forward_process(t: float, n: int) -> tuple[float, torch.Tensor, float]:
    """α, mean of x_t and its std without the prior's spread."""
    alpha = float(torch.exp(torch.tensor(-0.25 * t**2 * 19.9 - 0.5 * t * 0.1)))
    k = n ** (1 / 3)
    mean = alpha * k * MEAN + (1 - alpha) * LIMIT[0] * k * torch.eye(3).double()
    return alpha, mean, ((1 - alpha**2) * LIMIT[1]) ** 0.5 * k


@pytest.mark.parametrize("t", [0.1, 0.4, 0.8, 1.0])
@pytest.mark.parametrize("n", [1, 4, 11])
def test_without_a_network_it_is_the_exact_gaussian_score(t: float, n: int) -> None:
    alpha, mean, std = forward_process(t, n)
    cell = (torch.randn(5, 3, 3, dtype=torch.float64) * 3 + mean).requires_grad_()
    variance = std**2 + (alpha * n ** (1 / 3) * STD) ** 2
    density = -0.5 * ((cell - mean) ** 2 / variance).sum()
    (score,) = torch.autograd.grad(density, cell)
    assert torch.allclose(output(cell.detach(), t, n), score * std, atol=1e-8)


def test_the_restoring_force_grows_with_distance() -> None:
    _, mean, _ = forward_process(1.0, 6)
    pull = [float(output(mean[None] * q, 1.0, 6)[0].trace()) for q in (1.5, 2.5, 5.0)]
    assert 0 > pull[0] > pull[1] > pull[2]


def test_near_the_data_the_network_decides() -> None:
    _, mean, _ = forward_process(1e-4, 6)
    found = output(mean[None], 1e-4, 6, network=0.7)
    assert torch.allclose(found, torch.full((1, 3, 3), 0.7).double(), atol=1e-3)
