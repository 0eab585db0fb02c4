from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from lodestone.energies.estimators.ase.calculator import AseEstimator
from lodestone.energies.evaluation import Evaluation
from lodestone.energies.guards import Guards
from lodestone.energies.relax import Relaxation, relax
from lodestone.sampling.packed import pack, unpack


def _estimator() -> AseEstimator:
    return AseEstimator(EMT(), "emt")


def _distorted(seed: int, symbols: str = "CuAuCuAu") -> Atoms:
    rng = np.random.default_rng(seed)
    atoms = bulk("Cu", "fcc", a=3.9, cubic=True)
    atoms.symbols = symbols
    strain = rng.normal(scale=0.05, size=(3, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    atoms.positions += rng.normal(scale=0.12, size=(4, 3))
    return atoms


@pytest.mark.parametrize("seed", [0, 1])
def test_converges_to_the_energy_of_ases_own_optimiser(seed: int) -> None:
    atoms = _distorted(seed)
    (found,) = relax([atoms], _estimator(), largest_force=0.005, steps=400)
    reference = atoms.copy()
    reference.calc = EMT()
    BFGS(FrechetCellFilter(reference), logfile=None).run(fmax=0.002, steps=400)
    assert found.converged
    assert found.evaluation.energy == pytest.approx(reference.get_potential_energy(), abs=2e-3)
    assert found.atoms.get_volume() == pytest.approx(reference.get_volume(), rel=5e-3)
    assert np.abs(found.evaluation.stress).max() < 5e-3


def test_the_result_does_not_depend_on_the_company() -> None:
    batch = [_distorted(s) for s in range(4)]
    together = relax(batch, _estimator(), steps=25)
    alone = [relax([a], _estimator(), steps=25)[0] for a in batch]
    for a, b in zip(together, alone, strict=True):
        assert a.evaluation.energy == b.evaluation.energy
        assert np.array_equal(a.atoms.positions, b.atoms.positions)
        assert a.steps == b.steps


def test_energy_falls_and_the_start_is_kept() -> None:
    atoms = _distorted(3)
    (found,) = relax([atoms], _estimator(), steps=20)
    (start,) = _estimator().evaluate([atoms])
    assert found.start is not None
    assert found.start.energy == pytest.approx(start.energy, abs=1e-9)
    assert found.evaluation.energy < start.energy
    assert found.steps == 20
    assert not found.converged


def test_what_is_at_rest_does_not_move() -> None:
    (first,) = relax([_distorted(5)], _estimator(), largest_force=0.01, steps=400)
    (again,) = relax([first.atoms], _estimator(), largest_force=0.02, steps=50)
    assert again.steps == 0
    assert np.allclose(again.atoms.positions, first.atoms.positions, atol=1e-12)


def test_a_refused_structure_keeps_its_reason_and_the_others_go_on() -> None:
    overlapping = Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 0.3]], cell=np.eye(3) * 3, pbc=True)
    bad, good = relax([overlapping, _distorted(1)], _estimator(), steps=5, acceptable=Guards())
    assert bad.failure is not None
    assert "Å apart" in bad.failure
    assert bad.start is None
    assert np.isnan(bad.evaluation.energy)
    assert not bad.converged
    assert good.failure is None
    assert good.steps == 5


def test_a_structure_that_breaks_off_keeps_its_last_good_state() -> None:
    class Pushing:
        name = "pushing"

        def evaluate(self, structures):
            """A stress that never lets the cell rest."""
            return [Evaluation(0.0, np.zeros((len(a), 3)), np.eye(3)) for a in structures]

    (found,) = relax([bulk("Cu")], Pushing(), steps=200, acceptable=Guards(volume_per_atom=(8.0, 100.0)))
    assert found.failure is not None
    assert "volume per atom" in found.failure
    assert found.atoms.get_volume() >= 8.0
    assert not found.converged


def test_non_finite_forces_are_a_failure() -> None:
    class Broken:
        name = "broken"

        def evaluate(self, structures):
            return [Evaluation.failed(len(a), "no idea") for a in structures]

    (found,) = relax([bulk("Cu")], Broken())
    assert found.failure == "no idea"


class _Touchy:
    """EMT that raises for structures with gold."""

    name = "touchy"

    def __init__(self, hates: str = "Au") -> None:
        self.hates = hates

    def evaluate(self, structures: list[Atoms]) -> list[Evaluation]:
        if any(self.hates in atoms.get_chemical_symbols() for atoms in structures):
            raise RuntimeError(f"no {self.hates} here")
        return _estimator().evaluate(structures)


@pytest.mark.filterwarnings("ignore:touchy raised")
def test_an_estimator_that_raises_fails_only_what_it_raises_for() -> None:
    some = [_distorted(0, "CuCuCuCu"), _distorted(1, "CuAuCuAu"), _distorted(2, "CuCuCuCu")]
    found = relax(some, _Touchy(), steps=5)
    assert [f.failure for f in found] == [None, "touchy failed: RuntimeError: no Au here", None]
    assert np.isnan(found[1].largest_force)
    alone = relax(some[::2], _estimator(), steps=5)
    assert [found[0].evaluation.energy, found[2].evaluation.energy] == [f.evaluation.energy for f in alone]


def test_an_estimator_that_raises_for_everything_is_broken() -> None:
    with pytest.raises(RuntimeError, match="no Cu here"):
        relax([_distorted(i) for i in range(8)], _Touchy("Cu"), steps=5)


@pytest.mark.parametrize("steps", [0, 6])
def test_kept_after_any_step_it_goes_on_to_the_same_end(steps: int) -> None:
    def refuses(atoms: Atoms) -> str | None:
        return "small" if atoms.get_volume() < 55 else None

    starts = [*[_distorted(s) for s in range(3)], bulk("Cu", "fcc", a=3.5, cubic=True)]

    def begun() -> Relaxation:
        return Relaxation(starts, _estimator(), steps=steps, largest_force=0.6, acceptable=refuses)

    whole = relax(starts, _estimator(), steps=steps, largest_force=0.6, acceptable=refuses)
    assert {one.failure for one in whole} >= {None, "small"}
    for cut in range(steps + 2):
        first, second = begun(), begun()
        for _ in range(cut):
            first.step()
        second.recall(unpack(pack(first.remembered())))
        while second.step():
            pass
        for one, other in zip(second.relaxed(), whole, strict=True):
            assert np.array_equal(one.atoms.positions, other.atoms.positions)
            assert np.array_equal(one.atoms.cell.array, other.atoms.cell.array)
            assert np.array_equal(one.evaluation.forces, other.evaluation.forces, equal_nan=True)
            assert (one.steps, one.converged, one.failure) == (other.steps, other.converged, other.failure)
            assert (one.start and one.start.energy) == (other.start and other.start.energy)
