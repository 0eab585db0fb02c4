"""Projection on orbits: the chain rule, the average over the group, and places that stay on their orbits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lodestone.sampling.symmetric.orbits import orbits_of
from lodestone.wyckoff.groups import space_group
from lodestone.wyckoff.proposals import Orbit, Proposal, parse

MIXED = [
    parse("2 Li:a Co:i O:i"), parse("14 Co:a O:e"), parse("62 Li:c O:d"), parse("139 Co:e O:g"),
    parse("166 Li:h O:i Co:c"), parse("227 O:e Li:g"), parse("1 Li:a O:a"),
]  # fmt: skip


def everywhere() -> list[Proposal]:
    """For each space group, one orbit on each position."""
    groups = [space_group(n) for n in range(1, 231)]
    return [Proposal(g.number, tuple(Orbit("O", p.letter) for p in g.positions)) for g in groups]


def test_places_are_on_their_orbits_however_far_the_parameters() -> None:
    proposals = everywhere()
    orbits = orbits_of(proposals)
    torch.manual_seed(0)
    frac = orbits.places(7 * torch.randn(orbits.n_orbits, 3)).double().numpy()
    for orbit in range(0, orbits.n_orbits, 7):
        group = space_group(proposals[int(orbits.structure_idx[orbit])].space_group)
        mine = frac[orbits.orbit_idx.numpy() == orbit]
        for w, t in zip(group.rotations, group.translations, strict=True):
            apart = (mine @ w.T + t)[:, None] - mine[None]
            assert np.abs(apart - np.rint(apart)).max(axis=2).min(axis=1).max() < 2e-5


def test_projection_is_orthogonal_and_leaves_places_where_they_are() -> None:
    orbits = orbits_of(everywhere())
    torch.manual_seed(1)
    one, other = torch.randn(2, len(orbits.orbit_idx), 3)
    once = orbits.along(one)
    assert torch.allclose(orbits.along(once), once, atol=1e-5)
    assert float((once * other).sum()) == pytest.approx(float((one * orbits.along(other)).sum()), rel=1e-3)
    places = orbits.places(torch.rand(orbits.n_orbits, 3))
    assert torch.allclose(orbits.nearest(places), places, atol=1e-5)
    moved = orbits.nearest(places + once)
    assert torch.allclose(moved, places + once, atol=1e-5)


def test_the_score_of_the_parameters_is_the_chain_rule() -> None:
    orbits = orbits_of(MIXED)
    torch.manual_seed(2)
    u = torch.rand(orbits.n_orbits, 3, requires_grad=True)
    weights = torch.randn(len(orbits.orbit_idx), 3)

    def log_density(frac: torch.Tensor) -> torch.Tensor:
        return (weights * torch.sin(2 * torch.pi * frac)).sum() + (weights[:, :1] * frac.prod(dim=1)).sum()

    frac = orbits.places(u)
    (on_u,) = torch.autograd.grad(log_density(frac), u)
    x = frac.detach().requires_grad_()
    (on_x,) = torch.autograd.grad(log_density(x), x)
    gram = torch.zeros(orbits.n_orbits, 3, 3)
    gram.index_add_(0, orbits.orbit_idx, torch.einsum("akp,akq->apq", orbits.slopes, orbits.slopes))
    from_x = torch.einsum("opq,oq->op", gram, orbits.parameters(on_x))  # (BᵀB) B⁺ s = Bᵀ s
    assert torch.allclose(from_x, on_u, atol=1e-4)


@pytest.mark.parametrize("number", [1, 2, 11, 14, 62, 99, 123, 146, 160, 166, 195, 221])
def test_projection_is_the_average_of_scores_rotated_back_where_rotations_are_orthogonal(number: int) -> None:
    group = space_group(number)
    w = group.rotations
    assert np.array_equal(np.einsum("gab,gcb->gac", w, w), np.broadcast_to(np.eye(3), w.shape))
    for position in group.positions:
        orbits = orbits_of([Proposal(number, (Orbit("O", position.letter),))])
        rng = np.random.default_rng(number)
        u = np.zeros((1, 3))
        u[0, : position.freedom] = rng.random(position.freedom)
        frac = orbits.places(torch.from_numpy(u).float()).double().numpy()
        score = rng.normal(size=frac.shape)
        averaged = np.zeros_like(score)
        for rotation, shift in zip(w, group.translations, strict=True):
            apart = (frac @ rotation.T + shift)[:, None] - frac[None]
            image = np.abs(apart - np.rint(apart)).max(axis=2).argmin(axis=1)
            averaged += score[image] @ rotation / len(w)  # Wᵀ s = W⁻¹ s
        found = orbits.along(torch.from_numpy(score).float()).numpy()
        assert np.allclose(found, averaged, atol=1e-5), position.letter


def test_noise_on_the_subspace_is_white() -> None:
    orbits = orbits_of([parse("166 O:h")] * 4000)
    torch.manual_seed(3)
    noise = orbits.along(torch.randn(len(orbits.orbit_idx), 3)).reshape(4000, -1)
    covariance = (noise.T @ noise / 4000).double()
    values = torch.linalg.eigvalsh(covariance)
    assert torch.allclose(values[-2:], torch.ones(2).double(), atol=0.12)  # two free parameters
    assert float(values[:-2].abs().max()) < 1e-5


def test_the_mean_over_orbits() -> None:
    orbits = orbits_of([parse("2 Li:a O:i"), parse("2 O:i")])
    assert orbits.mean(torch.arange(5.0)[:, None])[:, 0].tolist() == [0.0, 1.5, 3.5]
    assert orbits.first.tolist() == [0, 1, 3]
    assert orbits.structure_idx.tolist() == [0, 0, 1]
