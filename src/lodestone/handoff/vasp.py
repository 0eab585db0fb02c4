"""Input files of a VASP relaxation, by pymatgen's `MPRelaxSet`, without POTCAR. Pure."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pymatgen.core import Structure

FILES = ("INCAR", "KPOINTS", "POSCAR", "POTCAR.spec")
DIGITS = 16  # of lengths (Å) and of fractional coordinates in POSCAR


@dataclass(frozen=True)
class VaspInput:
    """What VASP reads, by file name; empty where there is none, then `missing` says why."""

    files: dict[str, str]
    notes: tuple[str, ...] = ()
    """What pymatgen warns of, each once."""
    missing: str | None = None


def vasp_input(structure: Structure, title: str) -> VaspInput:
    """The relaxation of the Materials Project: PBE(+U), spin-polarised, ferromagnetic start.

    The cell stays as it is; sites are grouped by element. `title` becomes the first line of POSCAR.
    POTCAR.spec names the potentials, one a line, in the order of POSCAR: their files have a licence of
    their own.
    """
    from pymatgen.io.vasp.sets import MPRelaxSet

    if not _finite(structure):
        return VaspInput({}, missing="its cell or a position is not finite")
    unknown = [
        e.symbol for e in structure.composition.elements if e.symbol not in MPRelaxSet.CONFIG["POTCAR"]
    ]
    if unknown:
        return VaspInput({}, missing=f"MPRelaxSet has no potential for {', '.join(unknown)}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            made = MPRelaxSet(structure).get_input_set(potcar_spec=True)
            files = {
                "INCAR": made["INCAR"].get_str(sort_keys=True, pretty=True),
                "KPOINTS": str(made["KPOINTS"]),
                "POSCAR": _poscar(made["POSCAR"], title),
                "POTCAR.spec": str(made["POTCAR.spec"]),
            }
        except Exception as error:  # noqa: BLE001  pymatgen raises many kinds; the reason is kept
            return VaspInput({}, missing=f"MPRelaxSet refuses it: {' '.join(str(error).split())}")
    said = (" ".join(str(w.message).split()) for w in caught if issubclass(w.category, UserWarning))
    ended = {name: text if text.endswith("\n") else f"{text}\n" for name, text in files.items()}
    return VaspInput(ended, tuple(dict.fromkeys(said)))


def _poscar(poscar: object, title: str) -> str:
    lines = poscar.get_str(significant_figures=DIGITS).splitlines()  # type: ignore[attr-defined]
    return "\n".join([" ".join(title.split()), *lines[1:]]) + "\n"


def _finite(structure: Structure) -> bool:
    return bool(np.isfinite(structure.lattice.matrix).all() and np.isfinite(structure.frac_coords).all())
