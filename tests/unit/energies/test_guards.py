from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from lodestone.energies.estimators.ase.calculator import AseEstimator
from lodestone.energies.evaluation import Evaluation
from lodestone.energies.guards import Guards, evaluate_guarded, guards_for

COPPER = bulk("Cu", "fcc", a=3.6)


class Counting:
    """Remembers what it was asked to evaluate."""

    name = "counting"
    cutoff = 5.0
    elements = frozenset({"Cu", "Al"})

    def __init__(self) -> None:
        self.seen: list[Atoms] = []

    def evaluate(self, structures):
        self.seen += structures
        return [
            Evaluation(np.nan if a.info.get("odd") else -1.0, np.zeros((len(a), 3)), np.zeros((3, 3)))
            for a in structures
        ]


def _with(**changes) -> Atoms:
    atoms = COPPER.repeat((2, 1, 1))
    for name, value in changes.items():
        setattr(atoms, name, value)
    return atoms


def test_a_crystal_passes() -> None:
    assert guards_for(Counting())(COPPER) is None


@pytest.mark.parametrize(
    ("atoms", "reason"),
    [
        (Atoms(cell=np.eye(3) * 5, pbc=True), "no atoms"),
        (_with(positions=np.full((2, 3), np.nan)), "non-finite"),
        (Atoms("Cu", cell=np.diag([np.inf, 3, 3]), pbc=True), "non-finite"),
        (_with(numbers=[29, 54]), "element not covered by the model: Xe"),
        (Atoms("Cu", cell=np.diag([1.2, 1.2, 1.2]), pbc=True), "volume per atom of 1.73"),
        (Atoms("Cu", cell=np.diag([9.0, 9, 9]), pbc=True), "volume per atom of 729"),
        (Atoms("Cu", cell=np.zeros((3, 3)), pbc=True), "volume per atom of 0"),
        (Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 0.4]], cell=np.eye(3) * 3.5, pbc=True), "0.40 Å apart"),
        (Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 3.2]], cell=np.eye(3) * 3.6, pbc=True), "0.40 Å apart"),
        (Atoms("Cu", cell=np.diag([0.5, 5, 6]), pbc=True), "0.50 Å apart"),
    ],
)
def test_refusals_are_named(atoms: Atoms, reason: str) -> None:
    found = guards_for(Counting())(atoms)
    assert found is not None
    assert reason in found


def test_an_isolated_atom_is_found_among_others() -> None:
    atoms = Atoms("Cu3", positions=[[0, 0, 0], [2.2, 0, 0], [0, 0, 7]], cell=np.diag([6, 6, 14.0]), pbc=True)
    assert Guards(volume_per_atom=(1, 1000), isolated_beyond=5.0)(atoms) == (
        "1 isolated atoms without a neighbour within 5 Å"
    )
    assert Guards(volume_per_atom=(1, 1000), isolated_beyond=8.0)(atoms) is None


def test_the_model_never_sees_what_is_refused_and_order_is_kept() -> None:
    estimator = Counting()
    odd = COPPER.copy()
    odd.info["odd"] = True
    bad = _with(positions=np.full((2, 3), np.nan))
    found = evaluate_guarded([bad, COPPER, odd, COPPER], estimator, guards_for(estimator))
    assert [type(f).__name__ for f in found] == ["str", "Evaluation", "str", "Evaluation"]
    assert found[2] == "non-finite answer of counting"
    assert bad not in estimator.seen
    assert len(estimator.seen) == 3


def test_a_calculator_that_raises_gives_its_own_reason() -> None:
    from ase.calculators.emt import EMT

    estimator = AseEstimator(EMT(), "emt")
    iron, copper = evaluate_guarded([bulk("Fe"), COPPER], estimator, Guards())
    assert isinstance(iron, str)
    assert "NotImplementedError" in iron
    assert isinstance(copper, Evaluation)
