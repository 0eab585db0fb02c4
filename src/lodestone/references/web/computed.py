"""Structures as pymatgen writes them to JSON: the Materials Project's service, Alexandria's files.

Read without pymatgen: building its objects takes four times as long, and a database has millions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lodestone.references.web.crystals import (
    DISORDERED,
    NO_STRUCTURE,
    NOT_PERIODIC,
    UnfitError,
    floats,
    geometry,
    number,
)


def structure_arrays(structure: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers (n_atoms,), cell (3, 3) in Å and fractional coordinates (n_atoms, 3).

    Raises:
        UnfitError: it is no ordered crystal.
    """
    if not isinstance(structure, Mapping):
        raise UnfitError(NO_STRUCTURE)
    lattice, sites = structure.get("lattice"), structure.get("sites")
    if not isinstance(lattice, Mapping) or not isinstance(sites, list) or not sites:
        raise UnfitError(NO_STRUCTURE)
    if not all(lattice.get("pbc") or (True,)):
        raise UnfitError(NOT_PERIODIC)
    symbols = [_element(site) for site in sites]
    if all(site.get("xyz") is not None for site in sites):
        return geometry(lattice.get("matrix"), [site["xyz"] for site in sites], symbols)
    cell = floats(lattice.get("matrix"))
    frac = floats([site.get("abc") for site in sites])
    if cell.shape != (3, 3) or frac.shape != (len(sites), 3):
        raise UnfitError(NO_STRUCTURE)
    return geometry(cell.tolist(), (frac @ cell).tolist(), symbols)


def _element(site: Any) -> Any:
    species = site.get("species") if isinstance(site, Mapping) else None
    if not isinstance(species, list) or not species:
        raise UnfitError(NO_STRUCTURE)
    only = species[0]
    if len(species) > 1 or not isinstance(only, Mapping) or abs((number(only.get("occu")) or 0) - 1) > 1e-6:
        raise UnfitError(DISORDERED)
    return only.get("element")
