"""The primitive cell of a crystal whose copies of it are shaken: no symmetry but translations is asked.

A translation is accepted where it carries every atom to one of its element within `TOLERANCE`, the
mean of the displacements taken off. Summed over the atoms that it permutes, the displacements close
to lattice vectors, so the translation itself comes out as an exact fraction, whatever the noise.
"""

from __future__ import annotations

from math import gcd

import numpy as np

from lodestone.structures.crystals import Crystal
from lodestone.structures.lattices import reduce_crystal

TOLERANCE = 0.3  # Å; shaking by 0.05 Å per coordinate moves two copies of an atom apart by up to this


def primitive_cell(crystal: Crystal) -> Crystal:
    """The primitive crystal, in a reduced cell, of one that is in a reduced cell already.

    Atoms that a translation carries into each other are put at their mean place. The crystal itself
    is returned where it is primitive.
    """
    numbers, cell, frac = crystal
    units = gcd(*np.unique(numbers, return_counts=True)[1].tolist())
    if units == 1:
        return crystal
    shifts, targets = _translations(numbers, cell, frac, units)
    basis = _lattice(shifts, units)
    while len(shifts) and basis is None:  # one too many is within the tolerance: the worst goes first
        shifts, targets = shifts[:-1], targets[:-1]
        basis = _lattice(shifts, units)
    if basis is None:
        return crystal
    steps = np.linalg.inv(basis)
    first, places = _orbits(frac, shifts, targets)
    found = reduce_crystal(basis @ cell, places @ steps)
    return crystal if found is None else (numbers[first], *found)


def _translations(
    numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray, units: int
) -> tuple[np.ndarray, np.ndarray]:
    """Translations within the cell (k, 3) as exact fractions, and where they carry atoms (k, n_atoms).

    The ones that move atoms least come first.
    """
    kinds, counts = np.unique(numbers, return_counts=True)
    rarest = np.flatnonzero(numbers == kinds[counts.argmin()])
    tried = frac[rarest[1:]] - frac[rarest[0]]
    other = numbers[:, None] != numbers[None, :]
    found = []
    for shift in tried:
        apart = frac[None, :] - frac[:, None] - shift
        apart -= np.rint(apart)
        vectors = apart @ cell
        lengths = np.where(other, np.inf, np.einsum("ijc,ijc->ij", vectors, vectors))
        target = lengths.argmin(axis=1)
        exact = _exact(frac, shift, target, units)
        if exact is None:
            continue
        moved = vectors[np.arange(len(frac)), target]
        moved = moved - moved.mean(axis=0)
        farthest = float(np.einsum("ic,ic->i", moved, moved).max())
        if farthest <= TOLERANCE**2:
            found.append((farthest, exact, target))
    found.sort(key=lambda one: one[0])
    shifts = np.array([shift for _, shift, _ in found]).reshape(-1, 3)
    return shifts, np.array([target for *_, target in found], dtype=int).reshape(-1, len(frac))


def _exact(frac: np.ndarray, shift: np.ndarray, target: np.ndarray, units: int) -> np.ndarray | None:
    """The translation as a fraction of the cell; None where it does not permute the atoms."""
    if len(set(target.tolist())) < len(target):
        return None
    apart = frac[target] - frac - shift
    mean = (shift + (apart - np.rint(apart)).mean(axis=0)) * units
    exact = np.rint(mean)
    return exact / units if np.abs(mean - exact).max() < 1e-6 and (exact % units).any() else None


def _lattice(shifts: np.ndarray, units: int) -> np.ndarray | None:
    """A basis (3, 3) of the lattice that the cell and the translations span, as fractions of the cell.

    None where there is none but the cell, or where the translations are not a group.
    """
    if not len(shifts):
        return None
    rows = [[units * (i == j) for j in range(3)] for i in range(3)]
    rows += [[round(x * units) for x in shift] for shift in shifts]
    basis = np.array(_echelon(rows), dtype=float) / units
    return basis if round(1 / abs(np.linalg.det(basis))) == len(shifts) + 1 else None


def _echelon(rows: list[list[int]]) -> list[list[int]]:
    """Three integer vectors in echelon form that span what the rows span."""
    basis = []
    for column in range(3):
        rows = [row for row in rows if any(row)]
        while sum(row[column] != 0 for row in rows) > 1:
            pivot = min((row for row in rows if row[column]), key=lambda row: abs(row[column]))
            rows = [row if row is pivot else _less(row, pivot, column) for row in rows]
        pivot = next(row for row in rows if row[column])
        basis.append(pivot)
        rows = [row for row in rows if row is not pivot]
    return basis


def _less(row: list[int], pivot: list[int], column: int) -> list[int]:
    """The row less as many pivots as bring its entry in the column nearest to 0 from above."""
    times = row[column] // pivot[column]
    return [a - times * b for a, b in zip(row, pivot, strict=True)]


def _orbits(frac: np.ndarray, shifts: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First atoms of the sets that translations carry into each other, and the mean places (n, 3)."""
    first = np.flatnonzero((targets >= np.arange(len(frac))).all(axis=0))
    carried = frac[targets[:, first]] - frac[first] - shifts[:, None]
    carried -= np.rint(carried)
    return first, frac[first] + carried.sum(axis=0) / (len(shifts) + 1)
