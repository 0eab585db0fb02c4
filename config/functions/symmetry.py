"""Functions of a crystal's symmetry, found by spglib."""
# ruff: noqa: INP001 - a folder of files, no package

from __future__ import annotations

import math
import os

import spglib
from ase import Atoms

os.environ.setdefault("SPGLIB_WARNING", "OFF")  # None says what spglib would say on stderr
LARGEST = 48  # operations of the largest point group


def space_group_number(atoms: Atoms, symprec: float = 0.1) -> int | None:
    """Number of the space group, 1 to 230; None where spglib finds none. `symprec` in Å."""
    found = spglib.get_symmetry_dataset(_cell(atoms), symprec=symprec)
    return None if found is None else found.number


def missing_symmetry(atoms: Atoms, least: int = 76, full: float = 0.1, widest: float = 1.6) -> float:
    """How far a noisy crystal is from a space group of the number `least` or more, 0 to 2.

    The tolerance is lowered from `widest` to `full` (Å) by factors of sqrt(2) as long as the group is found:
    0 where it still is at `full`, 1 where it is at `widest` only, and evenly in between on a logarithmic
    scale. Where it is not even found at `widest`, 1 and more, the less the more operations the point group
    has there.
    """
    steps = round(2 * math.log2(widest / full))
    for k in range(steps, -1, -1):
        found = spglib.get_symmetry_dataset(_cell(atoms), symprec=full * 2 ** (k / 2))
        if found is None or found.number < least:
            break
    else:
        return 0.0
    if k < steps:
        return (k + 1) / steps
    operations = 1 if found is None else len({rotation.tobytes() for rotation in found.rotations})
    return 2 - math.log(operations) / math.log(LARGEST)


def _cell(atoms: Atoms) -> tuple[object, object, object]:
    return atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers
