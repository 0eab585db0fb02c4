"""Functions that count neighbours."""
# ruff: noqa: INP001 - a folder of files, no package

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list


def mean_neighbours(atoms: Atoms, center: str, neighbor: str, cutoff: float) -> float | None:
    """Mean number of `neighbor` atoms within `cutoff` (Å) of each `center` atom; None without a centre."""
    symbols = np.array(atoms.get_chemical_symbols())
    centers = symbols == center
    if not centers.any():
        return None
    i, j = neighbor_list("ij", atoms, cutoff)
    found = np.bincount(i[symbols[j] == neighbor], minlength=len(atoms))
    return float(found[centers].mean())
