"""Known crystals, and the clean estimate of what is known for sure."""

from __future__ import annotations

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk

from lodestone.constraints.clean import CleanEstimate

TRICLINIC = Atoms(
    "CoO2",
    cell=[[3.1, 0.2, 0.1], [0.7, 3.9, -0.3], [-0.9, 0.4, 4.4]],
    scaled_positions=[[0.1, 0.2, 0.3], [0.6, 0.55, 0.7], [0.35, 0.9, 0.05]],
    pbc=True,
)
SKEWED = bulk("NaCl", "rocksalt", a=5.64)
SKEWED.set_cell(np.array([[1, 0, 0], [1, 1, 0], [2, -1, 1]]) @ np.asarray(SKEWED.cell))

Known = tuple[str, Atoms, str, str, float]


def crystals() -> list[Known]:
    """Known crystals with a centre, a neighbour and a cutoff."""
    found = [
        ("fcc-1", bulk("Cu", "fcc", a=3.61), "Cu", "Cu", 2.8),
        ("fcc-cubic", bulk("Cu", "fcc", a=3.61, cubic=True), "Cu", "Cu", 2.8),
        ("bcc-1", bulk("Fe", "bcc", a=2.87), "Fe", "Fe", 2.6),
        ("bcc-2nd-shell", bulk("Fe", "bcc", a=2.87), "Fe", "Fe", 3.0),
        ("hcp", bulk("Co", "hcp", a=2.51, c=4.07), "Co", "Co", 2.7),
        ("sc", bulk("Po", "sc", a=3.35), "Po", "Po", 3.5),
        ("diamond", bulk("Si", "diamond", a=5.43), "Si", "Si", 2.5),
        ("diamond-cubic", bulk("Si", "diamond", a=5.43, cubic=True), "Si", "Si", 4.0),
        ("skewed", SKEWED, "Na", "Cl", 3.0),
        ("triclinic", TRICLINIC, "Co", "O", 3.2),
        ("triclinic-far", TRICLINIC, "O", "Co", 6.5),
        ("long-cutoff", bulk("Cu", "fcc", a=3.61), "Cu", "Cu", 8.0),
    ]
    for name, kind, a in [
        ("NaCl", "rocksalt", 5.64), ("CsCl", "cesiumchloride", 4.12), ("ZnS", "zincblende", 5.41),
        ("CaF2", "fluorite", 5.46), ("CoO", "rocksalt", 4.26), ("LiF", "rocksalt", 4.03),
        ("GaAs", "zincblende", 5.65), ("MgO", "rocksalt", 4.21), ("BaF2", "fluorite", 6.2),
    ]:  # fmt: skip
        atoms = bulk(name, kind, a=a)
        reach = (0.9 if kind == "cesiumchloride" else 0.52) * a
        found.append((f"{name}-{kind}", atoms, atoms.symbols[0], atoms.symbols[-1], reach))
    return found


CRYSTALS = crystals()
IDS = [known[0] for known in CRYSTALS]


def arrays(atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers, cell and fractional coordinates."""
    return atoms.numbers, np.asarray(atoms.cell), atoms.get_scaled_positions()


def clean(*many: Atoms, **change: torch.Tensor) -> CleanEstimate:
    """One batch of crystals whose types are certain, in double precision."""
    fields = {
        "frac": torch.cat([torch.tensor(a.get_scaled_positions()) for a in many]),
        "cell": torch.stack([torch.tensor(np.asarray(a.cell)) for a in many]),
        "types": torch.nn.functional.one_hot(
            torch.cat([torch.tensor(a.numbers) for a in many]) - 1, 100
        ).double(),
        "structure_idx": torch.repeat_interleave(
            torch.arange(len(many)), torch.tensor([len(a) for a in many])
        ),
    }
    return CleanEstimate(**(fields | change))
