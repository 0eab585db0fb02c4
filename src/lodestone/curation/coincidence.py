"""A quick yes to the question whether two crystals are the same; it never says no.

A lattice mapping, a translation and a permutation that lay one crystal onto the other are looked
for among the shortest lattice vectors. Found with everything well inside the limits of
StructureMatcher (`MARGIN` of the distances, `CELL_MARGIN` of lengths and angles), they are a match
that the matcher's own search would find; not found, the matcher has to be asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from lodestone.structures.crystals import Crystal
from lodestone.structures.lattices import heights

MARGIN = 0.75
CELL_MARGIN = 0.5
AT_ONCE = 60_000  # distances looked at together
STEPS = np.array([n for n in product((-1, 0, 1), repeat=3) if any(n)], dtype=float)
"""Vectors (26, 3) of a reduced lattice, among which its images under a mapping are looked for."""
WHOLE = np.abs(np.rint(np.einsum("ai,bci->abc", STEPS, np.cross(STEPS[:, None], STEPS[None])))) == 1
"""Which three of them span the lattice (26, 26, 26)."""


@dataclass(frozen=True)
class Frame:
    """A crystal in its reduced cell, atoms sorted by element, with what a comparison needs.

    `species` are slices of atoms of one element, the rarest first; `unlike` (n_atoms, n_atoms) is
    infinite between atoms of different elements and 0 else; `gram` (3, 3), `edges` (3,) and
    `heights` (3,) in Å, `angles` α, β, γ in ° and `volume` in Å³ are those of the cell; `lengths`
    (26,) and `products` (26, 26) those of the short lattice vectors `STEPS`.
    """

    numbers: np.ndarray
    cell: np.ndarray
    frac: np.ndarray
    species: tuple[slice, ...]
    unlike: np.ndarray
    gram: np.ndarray
    edges: np.ndarray
    heights: np.ndarray
    angles: np.ndarray
    volume: float
    lengths: np.ndarray
    products: np.ndarray


def frame(crystal: Crystal) -> Frame:
    """A crystal whose cell is reduced already, prepared for comparisons."""
    order = np.argsort(crystal[0], kind="stable")
    numbers, cell = crystal[0][order], crystal[1]
    gram = cell @ cell.T
    products = STEPS @ gram @ STEPS.T
    edges = np.sqrt(gram.diagonal())
    cosines = gram[[1, 0, 0], [2, 2, 1]] / (edges[[1, 0, 0]] * edges[[2, 2, 1]])
    return Frame(
        numbers, cell, crystal[2][order], _species(numbers),
        np.where(numbers[:, None] == numbers, 0.0, np.inf), gram, edges, heights(cell),
        np.degrees(np.arccos(np.clip(cosines, -1, 1))), abs(float(np.linalg.det(cell))),
        np.sqrt(products.diagonal()), products,
    )  # fmt: skip


def coincide(one: Frame, other: Frame, *, ltol: float, stol: float, angle_tol: float) -> bool:
    """Whether a mapping well inside the tolerances of StructureMatcher was found (angles in °)."""
    if not np.array_equal(one.numbers, other.numbers):
        return False
    n_atoms = len(one.numbers)
    limit = MARGIN * stol * ((one.volume + other.volume) / 2 / n_atoms) ** (1 / 3)
    mappings = _mappings(one, other, CELL_MARGIN * ltol, CELL_MARGIN * angle_tol)
    at_once = max(1, AT_ONCE // ((one.species[0].stop - one.species[0].start) * n_atoms**2))
    parts = (mappings[k : k + at_once] for k in range(0, len(mappings), at_once))
    return any(_laid_over(one, other, part, limit) for part in parts)


def _species(numbers: np.ndarray) -> tuple[slice, ...]:
    """Slices of equal entries of sorted numbers, the shortest first."""
    ends = [*np.flatnonzero(numbers[1:] != numbers[:-1]).tolist(), len(numbers) - 1]
    starts = [0, *(end + 1 for end in ends[:-1])]
    found = [slice(start, end + 1) for start, end in zip(starts, ends, strict=True)]
    return tuple(sorted(found, key=lambda atoms: atoms.stop - atoms.start))


def _mappings(one: Frame, other: Frame, ltol: float, angle_tol: float) -> np.ndarray:
    """Bases (n, 3, 3) of the other lattice, as integers, that look like the cell of one.

    The ones that look most alike come first.
    """
    near = np.abs(other.lengths - one.edges[:, None]) <= ltol * one.edges[:, None]
    slack = np.radians(angle_tol) * np.outer(one.edges, one.edges)
    fits = np.abs(other.products - one.gram[:, :, None, None]) <= slack[:, :, None, None]
    i, j = np.nonzero(fits[0, 1] & near[0][:, None] & near[1])
    which, k = np.nonzero(fits[0, 2][i] & fits[1, 2][j] & WHOLE[i, j] & near[2])
    chosen = np.stack([i[which], j[which], k], axis=1)
    apart = other.products[chosen[:, :, None], chosen[:, None, :]] - one.gram
    return np.asarray(STEPS[chosen[np.argsort(np.abs(apart).sum(axis=(1, 2)), kind="stable")]])


def _laid_over(one: Frame, other: Frame, mappings: np.ndarray, limit: float) -> bool:
    """Whether under one of the mappings every atom lies within `limit` Å of one of its own kind.

    Translations tried lay the first atom of the rarest element onto each atom of that element of
    the other crystal; the mean of the displacements is taken off afterwards.
    """
    frac = other.frac @ np.linalg.inv(mappings)
    anchor = one.species[0]
    moved = frac[:, None] + (one.frac[anchor.start] - frac[:, anchor])[:, :, None]
    apart = moved[:, :, None] - one.frac[:, None]
    apart -= np.rint(apart)
    vectors = apart @ one.cell
    nearest = (np.einsum("mtijc,mtijc->mtij", vectors, vectors) + one.unlike).argmin(axis=3)
    fits = (np.sort(nearest, axis=2) == np.arange(len(one.numbers))).all(axis=2)
    m, t = np.nonzero(fits)
    shortest = vectors[m[:, None], t[:, None], np.arange(len(one.numbers)), nearest[m, t]]
    shortest = shortest - shortest.mean(axis=1, keepdims=True)
    return bool(len(m)) and bool((shortest**2).sum(axis=2).max(axis=1).min() <= limit * limit)
