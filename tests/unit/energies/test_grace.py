from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from lodestone.embedded import CARD_DATA, WEIGHTS
from lodestone.energies.estimators.grace.calculator import GraceEstimator
from lodestone.energies.evaluation import Evaluation
from lodestone.energies.guards import guards_for
from lodestone.energies.relax import relax
from lodestone.structures import table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def estimator() -> GraceEstimator:
    return GraceEstimator("embedded", batch_size=8)


@pytest.fixture(scope="module")
def crystals() -> list[Atoms]:
    """Twelve crystals of very different sizes, distorted; small and skewed cells among them."""
    rng = np.random.default_rng(7)
    cells = [
        bulk("Fe"), bulk("Cu"), bulk("CaO", "rocksalt", a=4.8), bulk("LiF", "rocksalt", a=4.1, cubic=True),
        bulk("CuP", "zincblende", a=5.0), bulk("Si", cubic=True), bulk("Co", "hcp", a=2.5, c=4.1),
        bulk("FeB", "cesiumchloride", a=2.8), bulk("NdB", "cesiumchloride", a=3.5),
        bulk("LiO", "zincblende", a=4.6).repeat((2, 2, 1)), bulk("Li").repeat((3, 2, 2)),
        bulk("CoO", "rocksalt", a=4.2, cubic=True),
    ]  # fmt: skip
    for atoms in cells:
        atoms.symbols[atoms.symbols == "F"] = "O"
        strain = np.eye(3) + rng.normal(scale=0.03, size=(3, 3))
        atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        atoms.positions += rng.normal(scale=0.05, size=atoms.positions.shape)
    return cells


@pytest.fixture(scope="module")
def together(estimator: GraceEstimator, crystals: list[Atoms]) -> list[Evaluation]:
    return estimator.evaluate(crystals)


def test_agrees_with_the_packages_own_calculator(
    estimator: GraceEstimator, crystals: list[Atoms], together: list[Evaluation]
) -> None:
    from tensorpotential.calculator import TPCalculator

    calculator = TPCalculator(str(estimator.folder))
    for atoms, found in zip(crystals, together, strict=True):
        alone = atoms.copy()
        alone.calc = calculator
        assert found.energy == pytest.approx(alone.get_potential_energy(), abs=1e-5)
        assert np.abs(found.forces - alone.get_forces()).max() < 1e-5
        assert np.abs(found.stress - alone.get_stress(voigt=False)).max() < 1e-5


def test_a_structure_is_the_same_alone_and_in_company(
    estimator: GraceEstimator, crystals: list[Atoms], together: list[Evaluation]
) -> None:
    for atoms, found in zip(crystals, together, strict=True):
        (alone,) = estimator.evaluate([atoms])
        assert alone.energy == pytest.approx(found.energy, abs=1e-5)
        assert np.abs(alone.forces - found.forces).max() < 1e-5


def test_order_does_not_matter(
    estimator: GraceEstimator, crystals: list[Atoms], together: list[Evaluation]
) -> None:
    backwards = estimator.evaluate(crystals[::-1])[::-1]
    assert [e.energy for e in backwards] == pytest.approx([e.energy for e in together], abs=1e-5)
    assert estimator.evaluate([]) == []


def test_twice_the_cell_has_twice_the_energy(estimator: GraceEstimator, crystals: list[Atoms]) -> None:
    small = crystals[4]
    one, two = estimator.evaluate([small, small.repeat((1, 2, 1))])
    assert two.energy == pytest.approx(2 * one.energy, abs=1e-4)
    assert np.allclose(two.stress, one.stress, atol=1e-5)
    assert np.allclose(two.forces[: len(small)], one.forces, atol=1e-4)


@pytest.mark.parametrize("index", [2, 8])
def test_forces_and_stress_are_the_slopes_of_the_energy(
    estimator: GraceEstimator, crystals: list[Atoms], index: int
) -> None:
    atoms, step = crystals[index], 2e-3
    (found,) = estimator.evaluate([atoms])

    def energy(change: Callable[[Atoms, float], None], size: float) -> float:
        copy = atoms.copy()
        change(copy, size)
        return estimator.evaluate([copy])[0].energy

    def push(copy: Atoms, size: float) -> None:
        copy.positions[0, 1] += size

    def shear(copy: Atoms, size: float) -> None:
        copy.set_cell(copy.cell.array @ (np.eye(3) + size * np.eye(3, k=1)), scale_atoms=True)

    slope = (energy(push, step) - energy(push, -step)) / (2 * step)
    assert found.forces[0, 1] == pytest.approx(-slope, abs=5e-3)
    slope = (energy(shear, step) - energy(shear, -step)) / (2 * step) / atoms.get_volume()
    assert (found.stress[0, 1] + found.stress[1, 2]) == pytest.approx(slope, abs=2e-3)


def test_shapes_are_few(estimator: GraceEstimator, crystals: list[Atoms]) -> None:
    shapes = {estimator._shape(a, b) for a in range(1, 65, 7) for b in range(1, 2049, 31)}
    assert shapes == {(4, 128), (16, 512), (64, 2048)}
    samples = [estimator._sample(a) for a in crystals]
    batches = estimator._batches(samples)
    assert sorted(i for b in batches for i in b) == list(range(len(crystals)))
    large = estimator._shape(100, 9000)
    assert large[0] >= 100
    assert large[1] >= 9000


def test_it_knows_what_it_covers(estimator: GraceEstimator) -> None:
    assert {"Li", "Co", "O", "Nd", "Ca"} <= estimator.elements
    guards = guards_for(estimator)
    assert guards(bulk("Au")) == "element not covered by the model: Au"
    assert guards(bulk("Fe")) is None
    assert len(estimator.file_hash) == 64


def test_distorted_crystals_come_to_rest_at_credible_volumes(
    estimator: GraceEstimator, crystals: list[Atoms]
) -> None:
    found = relax(crystals, estimator, acceptable=guards_for(estimator), steps=50)
    assert [r.failure for r in found] == [None] * len(found)
    for r in found:
        assert r.start is not None
        assert r.evaluation.energy <= r.start.energy + 1e-6
        assert 4 < r.atoms.get_volume() / len(r.atoms) < 60


def test_loading_and_evaluating_is_silent() -> None:
    code = (
        "from ase.build import bulk; "
        "from lodestone.energies.estimators.grace.calculator import GraceEstimator; "
        "GraceEstimator('embedded').evaluate([bulk('Fe')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_it_is_as_good_as_its_card_says(estimator: GraceEstimator) -> None:
    card = json.loads(CARD_DATA.read_text())
    (relaxed,) = (e for e in card["errors"] if e["kind"] == "relaxed")
    assert relaxed["energy_mae"] < 90  # meV/atom
    references = table.read_table(WEIGHTS.parents[1] / "references.parquet").gather_every(8)
    atoms = table.to_ase(references)
    found = np.array([e.energy / len(a) for e, a in zip(estimator.evaluate(atoms), atoms, strict=True)])
    errors = 1000 * np.abs(found - references["energy_per_atom"].to_numpy())
    assert errors.mean() < 1.5 * relaxed["energy_mae"]
