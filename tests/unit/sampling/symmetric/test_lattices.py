"""Allowed lattices: steps keep them allowed, exactly or to first order, in the metric of the noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lodestone.sampling.process import symmetric_noise
from lodestone.sampling.symmetric import lattice_family as tables
from lodestone.sampling.symmetric.lattices import coordinates, lattices, matrices
from lodestone.wyckoff.groups import NUMBERS, space_group

CURVED = {
    *(22, 42, 43, 69, 70),  # orthorhombic F
    *(23, 24, 44, 45, 46, 71, 72, 73, 74),  # orthorhombic I
    *(79, 80, 82, 87, 88, 97, 98, 107, 108, 109, 110, 119, 120, 121, 122, 139, 140, 141, 142),  # tetragonal I
}
EVERY = list(NUMBERS)


def cells(n: int, seed: int = 0) -> torch.Tensor:
    """Random positive cells of some 4 Å."""
    torch.manual_seed(seed)
    return matrices(coordinates(4 * torch.eye(3) + 0.4 * torch.randn(n, 3, 3)))


def broken(groups: list[int], cell: torch.Tensor) -> torch.Tensor:
    """How far the metric of each cell is from one that its group keeps, relative."""
    found = []
    for number, metric in zip(groups, (cell @ cell.mT).double(), strict=True):
        w = torch.from_numpy(space_group(number).rotations).double()
        found.append(
            (torch.einsum("gba,bc,gcd->gad", w, metric, w) - metric).abs().max() / metric.abs().max()
        )
    return torch.stack(found)


def test_lattices_are_curved_for_orthorhombic_f_and_i_and_tetragonal_i_alone() -> None:
    assert {n for n in EVERY if tables.family(n).linear is None} == CURVED


def test_the_nearest_lattice_is_allowed_and_stays() -> None:
    found = lattices(EVERY)
    near = found.nearest(cells(230))
    assert float(broken(EVERY, near).max()) < 2e-6
    assert torch.allclose(found.nearest(near), near, atol=3e-5)


def test_a_step_ends_on_an_allowed_lattice_however_long_it_is() -> None:
    found = lattices(EVERY)
    start = found.nearest(cells(230))
    for length in (0.1, 1.0, 10.0):
        assert float(broken(EVERY, found.moved(start, length * symmetric_noise(start))).max()) < 1e-4


def test_a_projected_step_is_allowed_to_first_order() -> None:
    found = lattices(EVERY)
    start = found.nearest(cells(230))
    step = found.along(start, symmetric_noise(start))
    small, smaller = (broken(EVERY, start + h * step) for h in (0.4, 0.2))
    linear = torch.tensor([n not in CURVED for n in EVERY])
    assert float(small[linear].max()) < 2e-6
    second = ~linear & (small > 1e-3)
    assert int(second.sum()) > 20
    assert float((small[second] / smaller[second]).min()) > 3  # an error of second order falls by four
    moved = found.moved(start, 0.01 * step) - start
    assert float((moved - 0.01 * step).abs().max()) < 3e-3 * float(step.abs().max())


def test_projection_is_idempotent_and_orthogonal_in_the_metric_of_the_noise() -> None:
    found = lattices(EVERY)
    start = found.nearest(cells(230))
    one, other = symmetric_noise(start), symmetric_noise(start)
    once = found.along(start, one)
    assert torch.allclose(found.along(start, once), once, atol=1e-4)
    there = (coordinates(once) * coordinates(other)).sum(dim=1)
    back = (coordinates(one) * coordinates(found.along(start, other))).sum(dim=1)
    assert torch.allclose(there, back, atol=1e-4)


def test_projected_noise_has_as_many_dimensions_as_the_family() -> None:
    found = lattices(EVERY)
    start = found.nearest(cells(230))
    trace = torch.zeros(230)
    for k in range(6):
        unit = torch.zeros(230, 6)
        unit[:, k] = 1
        trace += coordinates(found.along(start, matrices(unit)))[:, k]
    expected = torch.tensor([len(space_group(n).metrics) for n in EVERY], dtype=trace.dtype)
    assert torch.allclose(trace, expected, atol=1e-3)


def test_nothing_happens_to_a_triclinic_lattice() -> None:
    found, cell = lattices([1, 2]), cells(2)
    step = symmetric_noise(cell)
    assert torch.allclose(found.nearest(cell), cell, atol=1e-6)
    assert torch.allclose(found.moved(cell, step), cell + step, atol=1e-5)


@pytest.mark.parametrize("number", [166, 139, 70])
def test_the_gradient_of_the_smooth_lattice_is_tangent(number: int) -> None:
    found = lattices([number])
    cell = cells(1).requires_grad_()
    held = found.smoothly(cell)
    assert torch.allclose(held, found.nearest(cell.detach()), atol=1e-6)
    torch.linalg.det(held).sum().backward()
    assert cell.grad is not None
    base = found.nearest(cell.detach())
    h = 1e-2
    for direction in symmetric_noise(cells(4)):
        step = found.along(base, direction[None])
        ahead, behind = (torch.linalg.det(found.nearest(base + s * step).double()) for s in (h, -h))
        predicted = float((cell.grad * step).sum())
        assert predicted == pytest.approx(float((ahead - behind) / (2 * h)), rel=0.02, abs=0.05)


def test_a_flat_or_broken_lattice_is_survived() -> None:
    found = lattices([139, 166])
    flat = found.nearest(torch.zeros(2, 3, 3))
    assert float(torch.linalg.eigvalsh(flat[0]).min()) > 0.01
    broken_one = found.moved(torch.full((2, 3, 3), torch.nan), torch.zeros(2, 3, 3))
    assert bool(torch.isnan(broken_one).all())


def test_the_root_of_a_metric_squares_to_it() -> None:
    metric = np.array([[5.0, 1.0, 0.2], [1.0, 4.0, -0.3], [0.2, -0.3, 6.0]])
    assert np.allclose(tables.root(metric) @ tables.root(metric), metric)
    assert np.allclose(tables.matrices(tables.coordinates(metric)), metric)
