"""One contract for every kind of estimator."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from estimator_cases import KINDS, crystal, estimator_of

from lodestone.energies.estimators import estimator_kinds
from lodestone.energies.evaluation import Evaluation, described
from lodestone.energies.identity import identity

TOLERANCE = 2e-5  # eV/atom; networks compute in single precision

pytestmark = pytest.mark.parametrize("kind", KINDS)


def one(kind: str, atoms: Atoms) -> Evaluation:
    (found,) = estimator_of(kind).evaluate([atoms])
    assert found.failure is None
    return found


def test_every_kind_is_here(kind: str) -> None:
    assert {settings["kind"] for settings, _ in KINDS.values()} == set(estimator_kinds())
    assert kind in KINDS


def test_the_order_is_kept_whatever_the_batch(kind: str) -> None:
    crystals = [crystal(kind, seed).repeat((1 + seed % 2, 1, 1)) for seed in range(5)]
    together = estimator_of(kind).evaluate(crystals)
    backwards = estimator_of(kind).evaluate(crystals[::-1])[::-1]
    for atoms, a, b in zip(crystals, together, backwards, strict=True):
        alone = one(kind, atoms)
        assert a.energy == pytest.approx(alone.energy, abs=TOLERANCE * len(atoms))
        assert b.energy == pytest.approx(alone.energy, abs=TOLERANCE * len(atoms))
        assert a.forces.shape == (len(atoms), 3)
        assert np.abs(a.forces - alone.forces).max() < 1e-4
    assert estimator_of(kind).evaluate([]) == []


def test_energies_alone_are_the_same_energies(kind: str) -> None:
    crystals = [crystal(kind, seed).repeat((1 + seed % 2, 1, 1)) for seed in range(4)]
    whole, alone = estimator_of(kind).evaluate(crystals), estimator_of(kind).energy_only(crystals)
    for atoms, a, b in zip(crystals, whole, alone, strict=True):
        assert b.energy == pytest.approx(a.energy, abs=TOLERANCE * len(atoms))
        assert b.failure is None
        assert np.isnan(b.forces).all()
    assert estimator_of(kind).energy_only([]) == []


def test_moving_turning_and_repeating_a_crystal_leave_its_energy_per_atom(kind: str) -> None:
    atoms = crystal(kind)
    known = one(kind, atoms)
    shifted, turned = atoms.copy(), atoms.copy()
    shifted.positions += [0.7, -1.3, 2.9]
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    for other in (shifted, turned, atoms[[2, 0, 3, 1]], atoms.repeat((2, 1, 1)), atoms.repeat((1, 1, 3))):
        found = one(kind, other)
        assert found.energy / len(other) == pytest.approx(known.energy / len(atoms), abs=TOLERANCE)
    assert np.abs(one(kind, shifted).forces - known.forces).max() < 1e-4
    assert np.allclose(
        np.linalg.norm(one(kind, turned).forces, axis=1), np.linalg.norm(known.forces, axis=1), atol=1e-4
    )


def test_a_left_handed_cell_is_the_same_crystal(kind: str) -> None:
    atoms = crystal(kind, left_handed=True)
    assert np.linalg.det(atoms.cell.array) < 0
    right = atoms.copy()
    right.set_cell(atoms.cell.array * [[1], [1], [-1]])  # the same lattice, the atoms where they were
    known, found = one(kind, right), one(kind, atoms)
    assert found.energy == pytest.approx(known.energy, abs=TOLERANCE * len(atoms))
    assert np.abs(found.forces - known.forces).max() < 1e-4
    assert np.abs(found.stress - known.stress).max() < 1e-4


def test_forces_are_the_slopes_of_the_energy_and_add_up_to_nothing(kind: str) -> None:
    atoms, step = crystal(kind), 4e-3
    found = one(kind, atoms)
    assert np.abs(found.forces.sum(axis=0)).max() < 1e-3
    rng = np.random.default_rng(0)
    for _ in range(3):
        direction = rng.normal(size=(len(atoms), 3))
        ends = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions += sign * step * direction
            ends.append(one(kind, moved).energy)
        slope = (ends[0] - ends[1]) / (2 * step)
        assert -(found.forces * direction).sum() == pytest.approx(slope, rel=2e-2, abs=2e-2)


def test_it_says_what_it_is(kind: str) -> None:
    estimator = estimator_of(kind)
    settings = KINDS[kind][0]
    found = identity(settings, estimator)
    assert found["name"] == estimator.name
    assert found["kind"] == settings["kind"]
    assert found["settings"] == settings
    assert found["version"]
    assert described(estimator)["package"] == found["package"]
    if settings["kind"] != "ase":
        assert len(found["sha256"]) == 64
        assert found["precision"] == "float32"
        assert found["device"] in {"cpu", "gpu"}
