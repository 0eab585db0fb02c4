"""Crystals of a CIF, block by block, symmetry applied; disorder is an error, never rounded away."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    Crystal = tuple[np.ndarray, np.ndarray, np.ndarray]


def cif_structures(text: str) -> Iterator[tuple[str, Callable[[], Crystal]]]:
    """Name of every block that holds a cell or atoms, and a function that reads its structure.

    That function raises ValueError for a block without a crystal, with partial occupancies, or
    with sites that are no elements.
    """
    for name, block in _blocks(text):
        lower = block.lower()
        if "_cell_length_a" in lower or "_atom_site_fract_x" in lower:
            yield name, partial(_structure, block)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Name and text of every data block; `data_` inside a text field between semicolons is text."""
    name, lines, inside = None, list[str](), False
    for line in text.splitlines(keepends=True):
        if line.startswith(";"):
            inside = not inside
        if not inside and line.lower().startswith("data_"):
            if name is not None:
                yield name, "".join(lines)
            name, lines = line[5:].strip() or "unnamed", []
        lines.append(line)
    if name is not None:
        yield name, "".join(lines)


def _structure(block: str) -> Crystal:
    import numpy as np
    from pymatgen.io.cif import CifParser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parser = CifParser.from_str(block)
        found = parser.parse_structures(primitive=False, on_error="raise")
    if not found:
        raise ValueError("no structure in it")
    structure = found[0]
    if not structure.is_ordered:
        partly = sorted({site.species_string for site in structure if not site.is_ordered})
        raise ValueError(f"disorder: partial occupancies at {'; '.join(partly[:3])}")
    species = [site.specie for site in structure]
    unknown = sorted({str(s) for s in species if not 1 <= s.Z <= 118})
    if unknown:
        raise ValueError(f"no elements: {', '.join(unknown)}")
    numbers = np.array([s.Z for s in species])
    return numbers, np.array(structure.lattice.matrix), np.array(structure.frac_coords)
