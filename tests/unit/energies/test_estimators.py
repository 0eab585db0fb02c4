from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from lodestone.energies.estimators import estimator_and_guards, estimator_kinds, make_estimator


def test_every_kind_is_found_by_its_file() -> None:
    assert {"ase", "chgnet", "grace"} <= set(estimator_kinds())


def test_an_unknown_kind_says_what_there_is() -> None:
    with pytest.raises(ValueError, match="'mace'; there are: ase, chgnet, grace"):
        make_estimator({"kind": "mace"})


def test_an_ase_calculator_by_its_import_path() -> None:
    estimator = make_estimator({"kind": "ase", "calculator": "ase.calculators.emt:EMT", "arguments": {}})
    atoms = bulk("Cu", a=3.5)
    atoms.calc = EMT()
    (found,) = estimator.evaluate([bulk("Cu", a=3.5)])
    assert found.energy == pytest.approx(atoms.get_potential_energy())
    assert np.allclose(found.stress, atoms.get_stress(voigt=False))


def test_an_ase_calculator_by_ase_s_own_name() -> None:
    (named,) = make_estimator({"kind": "ase", "calculator": "emt"}).evaluate([bulk("Cu", a=3.5)])
    path = {"kind": "ase", "calculator": "ase.calculators.emt:EMT"}
    assert named.energy == make_estimator(path).evaluate([bulk("Cu", a=3.5)])[0].energy
    with pytest.raises(ValueError, match="'emtt' is no name that ASE knows"):
        make_estimator({"kind": "ase", "calculator": "emtt"})


def test_an_estimator_is_loaded_once_per_process() -> None:
    settings = {"kind": "ase", "calculator": "ase.calculators.emt:EMT", "arguments": {}}
    assert make_estimator(settings) is make_estimator(dict(settings))
    assert make_estimator(settings) is not make_estimator(settings, 4)


@pytest.mark.parametrize(
    "path", ["ase.calculators.emt.EMT", "no_such_module:X", "ase.calculators.emt:Nothing", ":"]
)
def test_a_wrong_path_is_explained(path: str) -> None:
    with pytest.raises(ValueError, match=r"calculator '.*' (must have|cannot be imported)"):
        make_estimator({"kind": "ase", "calculator": path})


def test_arguments_reach_the_calculator() -> None:
    settings = {"kind": "ase", "calculator": "ase.calculators.lj:LennardJones", "arguments": {"epsilon": 2.0}}
    twice = make_estimator(settings).evaluate([bulk("Ar", a=1.6)])[0]
    once = make_estimator(settings | {"arguments": {}}).evaluate([bulk("Ar", a=1.6)])[0]
    assert twice.energy == pytest.approx(2 * once.energy)


def test_guards_take_the_campaigns_limits() -> None:
    _, guards = estimator_and_guards(
        {
            "energy": {"estimator": {"kind": "ase", "calculator": "ase.calculators.emt:EMT"}},
            "screen": {"volume_per_atom": [5.0, 11.0], "min_distance": 0.9},
        }
    )
    assert guards.min_distance == 0.9
    assert guards(bulk("Cu", a=3.6)) is not None  # 11.66 Å³
    assert guards(bulk("Cu", a=3.5)) is None
