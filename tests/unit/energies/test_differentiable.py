"""The gradient from forces and stress, against finite differences of the energy itself."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.lj import LennardJones
from torch import Tensor

from lodestone.energies.differentiable import Evaluate, gradient, potential_energy
from lodestone.energies.estimators import make_estimator
from lodestone.energies.estimators.ase.calculator import AseEstimator
from lodestone.energies.guards import Guards, evaluate_guarded, guards_for

SKEWED = np.array([[2.9, 0.2, -0.3], [0.4, 3.1, 0.5], [-0.6, 0.3, 5.2]])


def oxide(sign: float = 1.0) -> Atoms:
    """A skewed, low-symmetry LiCoO2-like cell; `sign` -1 makes it left-handed."""
    frac = [[0.02, 0.0, 0.01], [0.48, 0.53, 0.5], [0.1, 0.52, 0.26], [0.55, 0.08, 0.73]]
    return Atoms("LiCoO2", scaled_positions=frac, cell=SKEWED * [[1], [1], [sign]], pbc=True)


def argon() -> Atoms:
    atoms = bulk("Ar", "fcc", a=1.7, cubic=True)
    atoms.rattle(0.05, seed=3)
    return atoms


def guarded(settings: dict[str, object]) -> Evaluate:
    estimator = make_estimator(settings, 8)
    return functools.partial(
        evaluate_guarded, estimator=estimator, guards=guards_for(estimator, volume_per_atom=(1.0, 100.0))
    )


def tensors(structures: Sequence[Atoms]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    sizes = torch.tensor([len(a) for a in structures])
    return (
        torch.tensor(np.concatenate([a.get_scaled_positions() for a in structures])),
        torch.tensor(np.stack([a.cell.array for a in structures])),
        torch.tensor(np.concatenate([a.numbers for a in structures])),
        torch.repeat_interleave(torch.arange(len(structures)), sizes),
    )


def derivatives(evaluate: Evaluate, atoms: Atoms, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Directional derivatives of E, central differences and from the gradient, 3 in frac and 3 in cell."""
    rng = np.random.default_rng(0)
    directions = [(rng.normal(size=(len(atoms), 3)), np.zeros((3, 3))) for _ in range(3)]
    directions += [(np.zeros((len(atoms), 3)), rng.normal(size=(3, 3))) for _ in range(3)]
    moved = []
    for on_frac, on_cell in directions:
        for sign in (1, -1):
            copy = atoms.copy()
            copy.set_cell(atoms.cell.array + sign * step * on_cell)
            copy.set_scaled_positions(atoms.get_scaled_positions() + sign * step * on_frac)
            moved.append(copy)
    energies = np.array([found.energy for found in evaluate(moved)])
    frac, cell, numbers, idx = tensors([atoms])
    leaves = frac.requires_grad_(), cell.requires_grad_()
    energy, (refused,) = potential_energy(*leaves, numbers, idx, evaluate)
    assert refused is None
    on_frac, on_cell = (g.numpy() for g in torch.autograd.grad(energy.sum(), leaves))
    exact = [(f * on_frac).sum() + (c * on_cell[0]).sum() for f, c in directions]
    return (energies[0::2] - energies[1::2]) / (2 * step), np.array(exact)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "atoms", "step", "tolerance"),
    [
        ({"kind": "ase", "calculator": "ase.calculators.emt:EMT"}, bulk("Cu", a=3.5) * (2, 1, 1), 1e-4, 1e-6),
        ({"kind": "grace", "model": "embedded"}, oxide(), 2e-3, 2e-3),
        ({"kind": "grace", "model": "embedded"}, oxide(-1), 2e-3, 2e-3),
        ({"kind": "chgnet"}, oxide(), 4e-3, 2e-2),
    ],
    ids=["emt", "grace", "grace-left-handed", "chgnet"],
)
def test_directional_derivatives_are_finite_differences(
    settings: dict[str, object], atoms: Atoms, step: float, tolerance: float
) -> None:
    atoms = atoms.copy()
    atoms.rattle(0.05, seed=1)
    numeric, exact = derivatives(guarded(settings), atoms, step)
    assert np.abs(exact).min() > 1e-3
    assert np.allclose(exact, numeric, atol=tolerance * np.abs(exact).max())


def test_gradcheck_in_double_precision_over_a_batch() -> None:
    estimator = AseEstimator(LennardJones(rc=2.6, smooth=True), "lj")
    evaluate = functools.partial(evaluate_guarded, estimator=estimator, guards=Guards((0.5, 9.0), 0.5))
    sheared = argon()
    shear = np.array([[1, 0.1, 0], [0, 1, 0], [0.05, 0, 1]])
    sheared.set_cell(sheared.cell.array @ shear, scale_atoms=True)
    frac, cell, numbers, idx = tensors([argon(), sheared[:3]])

    def energy(frac: Tensor, cell: Tensor) -> Tensor:
        return potential_energy(frac, cell, numbers, idx, evaluate)[0]

    assert torch.autograd.gradcheck(
        energy, (frac.requires_grad_(), cell.requires_grad_()), eps=1e-5, atol=1e-3
    )


def test_a_refused_structure_has_no_gradient_and_the_others_keep_theirs() -> None:
    evaluate = guarded({"kind": "ase", "calculator": "ase.calculators.emt:EMT"})
    good = bulk("Cu", a=3.5) * (2, 1, 1)
    good.rattle(0.05, seed=1)
    bad = good.copy()
    bad.positions[1] = bad.positions[0] + 0.1
    broken = good.copy()
    broken.set_cell(np.full((3, 3), np.nan))

    def both(structures: list[Atoms]) -> tuple[Tensor, list[str | None], Tensor, Tensor]:
        frac, cell, numbers, idx = tensors(structures)
        leaves = frac.requires_grad_(), cell.requires_grad_()
        energy, refused = potential_energy(*leaves, numbers, idx, evaluate)
        return energy.detach(), refused, *torch.autograd.grad(energy.sum(), leaves)

    alone, _, alone_frac, alone_cell = both([good])
    energy, refused, on_frac, on_cell = both([bad, good, broken])
    assert refused[1] is None
    assert "apart" in str(refused[0])
    assert "non-finite" in str(refused[2])
    assert energy.tolist() == [0.0, pytest.approx(float(alone[0])), 0.0]
    assert torch.equal(on_frac[:2], torch.zeros(2, 3).double())
    assert torch.equal(on_cell[[0, 2]], torch.zeros(2, 3, 3).double())
    assert torch.allclose(on_frac[2:4], alone_frac)
    assert torch.allclose(on_cell[1], alone_cell[0])


def test_a_calculator_without_stress_moves_no_cell() -> None:
    class NoStress(LennardJones):
        def get_stress(self, *_: object, **__: object) -> np.ndarray:
            raise PropertyNotImplementedError

    evaluate = functools.partial(
        evaluate_guarded, estimator=AseEstimator(NoStress(rc=2.6), "lj"), guards=Guards((0.5, 9.0), 0.5)
    )
    frac, cell, numbers, idx = tensors([argon()])
    leaves = frac.requires_grad_(), cell.requires_grad_()
    energy, _ = potential_energy(*leaves, numbers, idx, evaluate)
    on_frac, on_cell = torch.autograd.grad(energy.sum(), leaves)
    assert on_frac.abs().max() > 0.1
    assert torch.equal(on_cell, torch.zeros(1, 3, 3).double())


def test_a_second_derivative_is_refused_not_wrong() -> None:
    estimator = AseEstimator(LennardJones(rc=2.6), "lj")
    evaluate = functools.partial(evaluate_guarded, estimator=estimator, guards=Guards((0.5, 9.0), 0.5))
    frac, cell, numbers, idx = tensors([argon()])
    frac.requires_grad_()
    energy, _ = potential_energy(frac, cell, numbers, idx, evaluate)
    (first,) = torch.autograd.grad((energy**2).sum(), frac, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_hydrostatic_stress_is_the_derivative_by_volume() -> None:
    cell, pressure = np.diag([2.0, 3.0, 4.0]), 0.01
    _, on_cell = gradient(cell, np.zeros((1, 3)), -pressure * np.eye(3))
    assert np.allclose(np.diag(on_cell), -pressure * 24.0 / np.diag(cell))  # dE = -p dV
