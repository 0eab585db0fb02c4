"""Real crystals that the tests of curation share."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal

from lodestone.structures.crystals import Crystal

sys.path.append(str(Path(__file__).parent))  # the cases beside this file are no package


def as_crystal(atoms: Atoms) -> Crystal:
    return atoms.numbers, np.array(atoms.cell), atoms.get_scaled_positions(wrap=False)


def _atoms() -> dict[str, tuple[Atoms, int]]:
    """Crystals and their space groups."""
    cubic = [90, 90, 90]
    triclinic = Atoms(
        "Li2CoO3",
        cell=[[4.9, 0.3, -0.2], [1.1, 5.3, 0.4], [-0.7, 0.9, 6.1]],
        scaled_positions=np.array(
            [[0.02, 0.05, 0.1], [0.51, 0.4, 0.6], [0.1, 0.55, 0.3], [0.45, 0.1, 0.2],
             [0.3, 0.7, 0.7], [0.8, 0.35, 0.85]]
        ),
        pbc=True,
    )  # fmt: skip
    return {
        "rocksalt NaCl": (bulk("NaCl", "rocksalt", a=5.64), 225),
        "rocksalt CoO, cubic cell": (bulk("CoO", "rocksalt", a=4.26, cubic=True), 225),
        "fluorite CaF2": (bulk("CaF2", "fluorite", a=5.46), 225),
        "fluorite ZrO2, cubic cell": (bulk("ZrO2", "fluorite", a=5.1, cubic=True), 225),
        "hcp Mg": (bulk("Mg", "hcp", a=3.2, c=5.2), 194),
        "hcp Co": (bulk("Co", "hcp", a=2.51, c=4.07), 194),
        "fcc Cu": (bulk("Cu", "fcc", a=3.6), 225),
        "fcc Al, cubic cell": (bulk("Al", "fcc", a=4.05, cubic=True), 225),
        "bcc Fe": (bulk("Fe", "bcc", a=2.87), 229),
        "bcc Li, cubic cell": (bulk("Li", "bcc", a=3.5, cubic=True), 229),
        "diamond Si": (bulk("Si", "diamond", a=5.43), 227),
        "zincblende ZnS": (bulk("ZnS", "zincblende", a=5.41), 216),
        "wurtzite ZnO": (bulk("ZnO", "wurtzite", a=3.25, c=5.2), 186),
        "CsCl": (bulk("CsCl", "cesiumchloride", a=4.12), 221),
        "rutile TiO2": (
            crystal(["Ti", "O"], [(0, 0, 0), (0.305, 0.305, 0)], spacegroup=136,
                    cellpar=[4.59, 4.59, 2.96, *cubic]), 136),
        "perovskite SrTiO3": (
            crystal(["Sr", "Ti", "O"], [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)], spacegroup=221,
                    cellpar=[3.9, 3.9, 3.9, *cubic]), 221),
        "layered LiCoO2": (
            crystal(["Li", "Co", "O"], [(0, 0, 0.5), (0, 0, 0), (0, 0, 0.26)], spacegroup=166,
                    cellpar=[2.82, 2.82, 14.05, 90, 90, 120], primitive_cell=True), 166),
        "alpha quartz SiO2": (
            crystal(["Si", "O"], [(0.4697, 0, 0), (0.4133, 0.2672, 0.1188)], spacegroup=152,
                    cellpar=[4.916, 4.916, 5.405, 90, 90, 120]), 152),
        "pyrite FeS2": (
            crystal(["Fe", "S"], [(0, 0, 0), (0.385, 0.385, 0.385)], spacegroup=205,
                    cellpar=[5.42, 5.42, 5.42, *cubic]), 205),
        "corundum Al2O3": (
            crystal(["Al", "O"], [(0, 0, 0.352), (0.306, 0, 0.25)], spacegroup=167,
                    cellpar=[4.76, 4.76, 12.99, 90, 90, 120], primitive_cell=True), 167),
        "graphite C": (
            crystal(["C", "C"], [(0, 0, 0.25), (1 / 3, 2 / 3, 0.25)], spacegroup=194,
                    cellpar=[2.46, 2.46, 6.7, 90, 90, 120]), 194),
        "triclinic Li2CoO3": (triclinic, 1),
    }  # fmt: skip


@pytest.fixture(scope="session")
def crystals() -> dict[str, Crystal]:
    """Named crystals: numbers (n_atoms,), cell (3, 3) in Å, fractional coordinates (n_atoms, 3)."""
    return {name: as_crystal(atoms) for name, (atoms, _) in _atoms().items()}


@pytest.fixture(scope="session")
def space_groups() -> dict[str, int]:
    """Space group numbers of `crystals`."""
    return {name: number for name, (_, number) in _atoms().items()}


@pytest.fixture(scope="session")
def degenerate_cells() -> list[np.ndarray]:
    """Cells that a diverged sampler can leave behind."""
    return [
        np.full((3, 3), np.nan),
        np.full((3, 3), np.inf),
        np.diag([4.0, np.nan, 4.0]),
        np.zeros((3, 3)),
        np.ones((3, 3)),
        np.array([[1.0, 0, 0], [0, 1.0, 0], [1.0, 1.0, 1e-17]]),
        np.array([[1.0, 0, 0], [np.pi, 1e-14, 0], [0, 0, 1.0]]),
        np.array([[1.0, 0, 0], [1e12, 1.0, 0], [1e15, 1e6, 1.0]]),
        np.eye(3) * 1e300,
        np.eye(3) * 1e-300,
        np.eye(3) * 1e9,
        np.diag([1e-9, 1.0, 1e9]),
        np.diag([0.1, 0.1, 1e7]),
    ]
