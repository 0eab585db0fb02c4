"""Every kind of estimator with a crystal of low symmetry that it covers: what the contract is checked on."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from ase import Atoms

from lodestone.energies.estimators import make_estimator
from lodestone.energies.evaluation import Estimator

SCRIPTS = Path(__file__).parents[3] / "scripts"
SKEWED = np.array([[2.9, 0.2, -0.3], [0.4, 3.1, 0.5], [-0.6, 0.3, 5.2]])
FRAC = np.array([[0.02, 0.0, 0.01], [0.48, 0.53, 0.5], [0.1, 0.52, 0.26], [0.55, 0.08, 0.73]])
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "grace": ({"kind": "grace", "model": "embedded"}, "LiCoO2"),
    "chgnet": ({"kind": "chgnet"}, "LiCoO2"),
    "emt": ({"kind": "ase", "calculator": "ase.calculators.emt:EMT"}, "CuAuCuAu"),
}


def estimator_of(kind: str) -> Estimator:
    """The estimator, once per process."""
    return make_estimator(KINDS[kind][0], 8)


def crystal(kind: str, seed: int = 1, *, left_handed: bool = False) -> Atoms:
    """Four atoms in a skewed cell, a little displaced; left-handed ones are mirrored, not the same."""
    cell = SKEWED * [[1], [1], [-1 if left_handed else 1]]
    atoms = Atoms(KINDS[kind][1], scaled_positions=FRAC, cell=cell, pbc=True)
    atoms.rattle(0.05, seed=seed)
    return atoms


def broken(kind: str) -> dict[str, tuple[Atoms, str]]:
    """Structures that must never get an energy, and a part of the reason that is given."""
    good = crystal(kind)

    def changed(**parts: Any) -> Atoms:
        atoms = good.copy()
        for name, value in parts.items():
            setattr(atoms, name, value)
        return atoms

    def moved(index: int, position: Any) -> Atoms:
        atoms = good.copy()
        atoms.positions[index] = position
        return atoms

    flat = SKEWED.copy()
    flat[2] = flat[0] + flat[1]
    cluster = 2.3 * np.array(list(np.ndindex(3, 3, 3)))
    places = [*cluster, [8.3, 8.3, 8.3]]  # in the middle of what the cluster leaves free
    alone = Atoms(list(good.symbols) * 7, positions=places, cell=np.eye(3) * 12, pbc=True)
    return {
        "overlapping": (moved(1, good.positions[0] + 0.2), "Å apart"),
        "overlapping image": (Atoms(good.symbols[:1], cell=np.diag([0.4, 5, 6]), pbc=True), "Å apart"),
        "NaN position": (moved(0, [np.nan, 0, 0]), "non-finite"),
        "infinite position": (moved(0, [np.inf, 0, 0]), "non-finite"),
        "NaN cell": (changed(cell=np.full((3, 3), np.nan)), "non-finite"),
        "zero cell": (changed(cell=np.zeros((3, 3))), "volume per atom of 0"),
        "singular cell": (changed(cell=flat), "volume per atom of"),
        "huge cell": (changed(cell=SKEWED * 20), "volume per atom of"),
        "tiny cell": (changed(cell=SKEWED / 4), "volume per atom of"),
        "isolated atom": (alone, "1 isolated atoms"),
        "no element": (changed(numbers=[0, 3, 8, 8]), "no element"),
        "unknown element": (changed(numbers=[100] * 4), ""),
    }


def script(name: str) -> ModuleType:
    """A script as a module, anew each time."""
    spec = spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found
