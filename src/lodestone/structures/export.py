"""Structures as files that other programs read: CIF and extended XYZ."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

TOLERANCES = (1e-2, 1e-3, 5e-2, 1e-1)
"""Distances (Å) tried for the symmetry of the file; a symmetrised structure needs only the first."""


@dataclass(frozen=True)
class Cif:
    """A CIF; `check` is "ok" or says how the file, read back, differs from the table."""

    name: str
    text: str
    check: str


def cif(structure: Structure, space_group: int | None, name: str) -> Cif:
    """Write with symmetry where the file read back has the same formula and space group, else as P1.

    `space_group` is the number found by the symmetrisation; None where it failed.
    """
    found = [_attempt(structure, tolerance) for tolerance in (*TOLERANCES, None)]
    for text in found:
        if text is not None and not difference(text, structure, space_group):
            return Cif(name, text, "ok")
    plain = found[-1] or ""
    return Cif(name, plain, difference(plain, structure, space_group) or "ok")


def difference(text: str, structure: Structure, space_group: int | None) -> str | None:
    """How a CIF, parsed anew, differs from the structure in formula or space group; None if it does not."""
    from pymatgen.io.cif import CifParser
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = CifParser.from_str(text).parse_structures(primitive=False)[0]
        except Exception as error:  # noqa: BLE001  pymatgen raises many kinds; the reason is kept
            return f"the file cannot be read back: {error}"
        formula, expected = (s.composition.reduced_formula for s in (parsed, structure))
        if formula != expected:
            return f"the file gives {formula}, not {expected}"
        if space_group is None:
            return None
        try:
            number = SpacegroupAnalyzer(parsed, symprec=TOLERANCES[0]).get_space_group_number()
        except Exception as error:  # noqa: BLE001
            return f"no space group is found in the file: {error}"
    return None if number == space_group else f"the file gives space group {number}, not {space_group}"


def file_name(rank: int, formula: str, space_group: int | None) -> str:
    """A file name of letters, digits, "_" and "-" only."""
    safe = re.sub(r"[^A-Za-z0-9]+", "-", formula).strip("-") or "structure"
    return f"{rank:02d}_{safe}_{space_group if space_group is not None else 'P'}.cif"


def extxyz(structures: Sequence[Atoms], information: Sequence[Mapping[str, Any]]) -> str:
    """Extended XYZ of all structures with `information` in the comment lines; nulls are left out."""
    from io import StringIO

    from ase.io import write

    if not structures:
        return ""
    stream = StringIO()
    labelled = []
    for atoms, values in zip(structures, information, strict=True):
        copy = atoms.copy()
        copy.info = {k: v for k, v in values.items() if v is not None}
        labelled.append(copy)
    write(stream, labelled, format="extxyz")
    return stream.getvalue()


def _attempt(structure: Structure, tolerance: float | None) -> str | None:
    from pymatgen.io.cif import CifWriter

    if not np.isfinite(structure.lattice.matrix).all():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return str(CifWriter(structure, symprec=tolerance, significant_figures=10))
        except Exception:  # noqa: BLE001  spglib finds no cell at this tolerance; the next is tried
            return None
