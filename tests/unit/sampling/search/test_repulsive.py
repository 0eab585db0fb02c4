"""The repulsive hinge: closed forms, derivatives, and what an estimator looks like with it and counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones
from ase.data import covalent_radii
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestone.energies.estimators.ase.calculator import AseEstimator
from lodestone.energies.evaluation import Evaluation
from lodestone.sampling.search.finish import Counted
from lodestone.sampling.search.repulsive import Repulsive, hinge

SHARE, STIFFNESS, H = 0.9, 30.0, 1e-5


def dense(seed: int, n_atoms: int = 3) -> Atoms:
    """Atoms that overlap each other and their images, in a skewed cell."""
    rng = np.random.default_rng(seed)
    cell = 2.1 * np.eye(3) + rng.uniform(-0.3, 0.3, size=(3, 3))
    return Atoms("CuLiO"[: 2 * n_atoms], scaled_positions=rng.random((n_atoms, 3)), cell=cell, pbc=True)


def lennard_jones() -> AseEstimator:
    return AseEstimator(LennardJones(sigma=2.0, epsilon=0.3, rc=5.0, smooth=True), "Lennard-Jones")


def differences(atoms: Atoms, energy: Callable[[Atoms], float]) -> tuple[np.ndarray, np.ndarray]:
    """Forces and stress by central differences of an energy."""

    def at(change: Callable[[Atoms, float], None], h: float) -> float:
        moved = atoms.copy()
        change(moved, h)
        return energy(moved)

    def strained(a: int, b: int) -> Callable[[Atoms, float], None]:
        def change(moved: Atoms, h: float) -> None:
            deformation = np.eye(3)
            deformation[a, b] += h / 2
            deformation[b, a] += h / 2
            moved.set_cell(moved.cell.array @ deformation, scale_atoms=True)

        return change

    def shifted(i: int, k: int) -> Callable[[Atoms, float], None]:
        def change(moved: Atoms, h: float) -> None:
            moved.positions[i, k] += h

        return change

    def slope(change: Callable[[Atoms, float], None]) -> float:
        return (at(change, H) - at(change, -H)) / (2 * H)

    forces = [[-slope(shifted(i, k)) for k in range(3)] for i in range(len(atoms))]
    stress = [[slope(strained(a, b)) / atoms.get_volume() for b in range(3)] for a in range(3)]
    return np.array(forces), np.array(stress)


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_forces_and_stress_of_the_hinge_are_derivatives_of_its_energy(seed: int) -> None:
    atoms = dense(seed)
    energy, forces, stress = hinge(atoms, share=SHARE, stiffness=STIFFNESS)
    assert energy > 0
    wanted = differences(atoms, lambda a: hinge(a, share=SHARE, stiffness=STIFFNESS)[0])
    np.testing.assert_allclose(forces, wanted[0], atol=1e-3)
    np.testing.assert_allclose(stress, wanted[1], atol=1e-3)


def test_with_an_estimator_they_are_those_of_the_sum() -> None:
    atoms, estimator = dense(3), lennard_jones()
    guarded = Repulsive(estimator, share=SHARE, stiffness=STIFFNESS)
    (found,), (plain,) = guarded.evaluate([atoms]), estimator.evaluate([atoms])
    assert found.energy == pytest.approx(
        plain.energy + hinge(atoms, share=SHARE, stiffness=STIFFNESS)[0], rel=1e-12
    )
    assert found.energy > plain.energy
    forces, stress = differences(atoms, lambda a: guarded.evaluate([a])[0].energy)
    scale = np.abs(forces).max()
    np.testing.assert_allclose(found.forces, forces, atol=1e-5 * scale)
    np.testing.assert_allclose(found.stress, stress, atol=1e-5 * scale)


@pytest.mark.parametrize("distance", [0.9, 1.3, 1.7])
def test_a_pair_has_the_energy_of_the_formula(distance: float) -> None:
    atoms = Atoms("CuO", positions=[[0, 0, 0], [0, 0, distance]], cell=np.eye(3) * 9, pbc=True)
    share, stiffness = 0.7, 50.0
    least = share * (covalent_radii[29] + covalent_radii[8])
    overlap = max(0.0, least - distance)
    energy, forces, _ = hinge(atoms, share=share, stiffness=stiffness)
    assert energy == pytest.approx(0.5 * stiffness * overlap**2)
    np.testing.assert_allclose(forces[1], [0, 0, stiffness * overlap], atol=1e-9)
    np.testing.assert_allclose(forces[0], -forces[1], atol=1e-9)


def test_a_crystal_at_rest_feels_nothing() -> None:
    from ase.build import bulk

    energy, forces, stress = hinge(bulk("NaCl", "rocksalt", a=5.64), share=0.7, stiffness=50.0)
    assert energy == 0
    assert not forces.any()
    assert not stress.any()


class Fussy:
    """An estimator that raises for cells of two atoms."""

    name, cutoff, elements = "fussy", 4.0, frozenset({"Cu"})

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        if any(len(a) == 2 for a in structures):
            raise RuntimeError
        return [Evaluation(-1.0, np.zeros((len(a), 3)), np.zeros((3, 3))) for a in structures]

    def energy_only(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        return self.evaluate(structures)


def test_calls_are_counted_once_per_structure_that_was_answered_or_raised_alone() -> None:
    from lodestone.energies.guards import evaluate_each

    counted = Counted(Fussy())
    cell = np.eye(3) * 4
    crystals = [
        Atoms("Cu" * n, positions=np.arange(3 * n).reshape(n, 3), cell=cell, pbc=True) for n in (1, 3, 2)
    ]
    counted.evaluate(crystals[:2])
    assert counted.calls == 2
    with pytest.warns(UserWarning, match="raised for 1 of 3"):
        found = evaluate_each(crystals, counted)
    assert [e.failure is None for e in found] == [True, True, False]
    assert counted.calls == 5


def test_wrappers_say_what_the_estimator_says_but_have_no_energy_alone() -> None:
    wrapped = Counted(Repulsive(Fussy()))
    assert (wrapped.name, wrapped.cutoff, wrapped.elements) == ("fussy", 4.0, frozenset({"Cu"}))
    assert not hasattr(wrapped, "energy_only")
