"""A crystal as plain arrays, and many crystals in flat arrays, for work that cannot afford an object each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

Crystal = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Numbers (n_atoms,), cell (3, 3) in Å, fractional coordinates (n_atoms, 3)."""

Composition = tuple[tuple[int, int], ...]
"""Pairs (atomic number, count), by atomic number, counts without a common divisor."""


def composition(numbers: np.ndarray) -> Composition:
    """The reduced composition of atomic numbers (n_atoms,)."""
    counts = Counter(int(z) for z in numbers)
    divisor = gcd(*counts.values()) if counts else 1
    return tuple((z, counts[z] // divisor) for z in sorted(counts))


@dataclass(frozen=True)
class Packed(Sequence[Crystal]):
    """Crystals one behind the other; `self[i]` is the crystal at position i.

    `sizes` (n_structures,) are numbers of atoms, `numbers` (n_atoms_in_all,), `cells`
    (n_structures, 3, 3) in Å, `frac` (n_atoms_in_all, 3).
    """

    sizes: np.ndarray
    numbers: np.ndarray
    cells: np.ndarray
    frac: np.ndarray
    starts: np.ndarray
    """First atom of each structure (n_structures,)."""

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, i: int) -> Crystal:  # type: ignore[override]
        atoms = slice(self.starts[i], self.starts[i] + self.sizes[i])
        return self.numbers[atoms], self.cells[i], self.frac[atoms]

    def __iter__(self) -> Iterator[Crystal]:
        return (self[i] for i in range(len(self)))

    def take(self, indices: np.ndarray | Sequence[int]) -> Packed:
        """The crystals at some positions, in that order."""
        chosen = np.asarray(indices, dtype=np.int64)
        sizes = self.sizes[chosen]
        atoms = ragged_arange(sizes) + np.repeat(self.starts[chosen], sizes)
        return _packed(sizes, self.numbers[atoms], self.cells[chosen], self.frac[atoms])


def pack(crystals: Sequence[Crystal]) -> Packed:
    """Flat arrays of crystals; what is packed already is returned as it is."""
    if isinstance(crystals, Packed):
        return crystals
    sizes = np.array([len(numbers) for numbers, _, _ in crystals], dtype=np.int64)
    if not len(sizes):
        return _packed(sizes, np.empty(0, dtype=np.int64), np.empty((0, 3, 3)), np.empty((0, 3)))
    numbers = np.concatenate([np.asarray(c[0], dtype=np.int64) for c in crystals])
    cells = np.stack([np.asarray(c[1], dtype=float) for c in crystals])
    frac = np.concatenate([np.asarray(c[2], dtype=float).reshape(-1, 3) for c in crystals])
    return _packed(sizes, numbers, cells, frac)


def pack_table(structures: pl.DataFrame) -> Packed:
    """Flat arrays of the rows of a structure table, without a Python object per row.

    Raises:
        ValueError: a row has not three coordinates for each of its atoms.
    """
    sizes = structures["numbers"].list.len().to_numpy().astype(np.int64)
    if not np.array_equal(structures["frac"].list.len().to_numpy(), 3 * sizes):
        raise ValueError("columns numbers and frac: a row has not three coordinates for each of its atoms")
    # an empty list explodes to one null, so rows without atoms are left out before
    filled = structures.select("numbers", "frac")[np.flatnonzero(sizes)]
    numbers = filled["numbers"].explode().to_numpy().astype(np.int64)
    frac = filled["frac"].explode().to_numpy().astype(float).reshape(-1, 3)
    cells = structures["cell"].explode().to_numpy().astype(float).reshape(-1, 3, 3)
    return _packed(sizes, numbers, cells, frac)


def join(some: Packed, others: Packed) -> Packed:
    """Crystals of one and then those of the other."""
    return _packed(
        np.concatenate([some.sizes, others.sizes]),
        np.concatenate([some.numbers, others.numbers]),
        np.concatenate([some.cells, others.cells]),
        np.concatenate([some.frac, others.frac]),
    )


def bucket_labels(crystals: Packed) -> np.ndarray:
    """Number of the reduced composition of each crystal (n_structures,), by first appearance."""
    structure = np.repeat(np.arange(len(crystals)), crystals.sizes)
    order = np.lexsort((crystals.numbers, structure))
    pairs = np.stack([structure[order], crystals.numbers[order]], axis=1)
    first = np.flatnonzero(np.r_[True, np.any(pairs[1:] != pairs[:-1], axis=1)][: len(pairs)])
    counts = np.diff(np.r_[first, len(pairs)])
    of, kinds = pairs[first].T
    n_kinds = np.bincount(of, minlength=len(crystals))
    ends = np.cumsum(n_kinds)
    begins = ends - n_kinds
    filled = np.flatnonzero(n_kinds)
    divisors = np.ones(len(crystals), dtype=np.int64)
    if len(filled):
        divisors[filled] = np.gcd.reduceat(counts, begins[filled])
    rows = np.stack([kinds, counts // divisors[of]], axis=1)
    seen: dict[bytes, int] = {}
    keys = (rows[a:b].tobytes() for a, b in zip(begins.tolist(), ends.tolist(), strict=True))
    return np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=np.int64)


def ragged_arange(sizes: np.ndarray) -> np.ndarray:
    """0 … sizes[0]-1, 0 … sizes[1]-1, … in one array."""
    ends = np.cumsum(sizes)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - sizes, sizes)


def _packed(sizes: np.ndarray, numbers: np.ndarray, cells: np.ndarray, frac: np.ndarray) -> Packed:
    return Packed(sizes, numbers, cells, frac, np.cumsum(sizes) - sizes)
