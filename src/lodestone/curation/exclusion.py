"""A quick no to the question whether StructureMatcher would call two crystals the same.

The matcher goes through all lattice mappings within its tolerances and, for each, through the
translations that lay one atom of the rarest element onto its like. It looks closer only where then
every atom has one of its element within a tolerance. Here the same conditions are evaluated for all
mappings and translations at once: where they hold for none, the matcher's answer is no.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lodestone.curation.coincidence import Frame

SLACK = 1e-6  # relative; rounding must not exclude what the matcher would accept
AT_ONCE = 200_000  # distances looked at together
MOST_VECTORS = 5_000  # lattice vectors; beyond, the matcher is asked at once


def excluded(one: Frame, other: Frame, *, ltol: float, stol: float, angle_tol: float) -> bool:
    """Whether the matcher is certain to refuse two crystals with the same number of atoms.

    False says nothing. Tolerances are the matcher's own, angles in degrees.
    """
    mappings = _mappings(one, other, ltol, angle_tol)
    if mappings is None:
        return False
    at_once = max(1, AT_ONCE // (_size(one.species[0]) * _size(one.species[-1]) ** 2))
    parts = (mappings[k : k + at_once] for k in range(0, len(mappings), at_once))
    return not any(_possible(one, other, part, stol) for part in parts)


def lattices_differ(one: Frame, other: Frame, ltol: float) -> bool:
    """Whether the lattice of one has no basis as short as the tolerance for the cell of the other asks.

    The edges of a reduced cell are its lattice's successive minima, and the k-th shortest vector
    of any basis is at least as long as the k-th of them.
    """
    most = (1 + ltol) * (1 + SLACK)
    edges = zip(sorted(one.edges.tolist()), sorted(other.edges.tolist()), strict=True)
    return any(mine > most * theirs for mine, theirs in edges)


def _mappings(one: Frame, other: Frame, ltol: float, angle_tol: float) -> np.ndarray | None:
    """Bases (n, 3, 3) of the lattice of one, as integers, that are within tolerance of the other cell.

    None where the lattice vectors to be tried are too many.
    """
    reach = np.floor(other.edges.max() * (1 + ltol) * (1 + SLACK) / one.heights)
    if np.prod(2 * reach + 1) > MOST_VECTORS:
        return None
    steps = _steps(*reach.astype(int).tolist())
    vectors = steps @ one.cell
    norms = np.sqrt(np.einsum("vi,vi->v", vectors, vectors))
    low, high = other.edges * ((1 - SLACK) / (1 + ltol)), other.edges * ((1 + ltol) * (1 + SLACK))
    near = [np.flatnonzero((norms > low[k]) & (norms < high[k])) for k in range(3)]
    units = [vectors[chosen] / norms[chosen, None] for chosen in near]
    widest = np.minimum(other.angles + angle_tol, 180.0)
    least = np.cos(np.radians(widest)) - SLACK
    most = np.cos(np.radians(np.maximum(other.angles - angle_tol, 0.0))) + SLACK
    fits = []
    for k, (a, b) in enumerate(((1, 2), (0, 2), (0, 1))):
        cosines = units[a] @ units[b].T
        fits.append((cosines >= least[k]) & (cosines <= most[k]))
    i, j = np.nonzero(fits[2])
    which, last = np.nonzero(fits[1][i] & fits[0][j])
    chosen = np.stack([near[0][i[which]], near[1][j[which]], near[2][last]], axis=1)
    bases = steps[chosen]
    return bases[np.abs(np.abs(np.linalg.det(bases)) - 1) < 0.5] if len(bases) else bases


@lru_cache(maxsize=256)
def _steps(a: int, b: int, c: int) -> np.ndarray:
    """Integer vectors (n, 3) of the lattice up to a, b and c steps to either side."""
    grid = np.indices((2 * a + 1, 2 * b + 1, 2 * c + 1)).reshape(3, -1).T
    return np.asarray(grid - np.array([a, b, c]), dtype=float)


def _possible(one: Frame, other: Frame, mappings: np.ndarray, stol: float) -> bool:
    """Whether under a mapping and a translation every atom has one of its element near."""
    fixed = one.frac @ np.linalg.inv(mappings)
    tolerance = _fractional_tolerance(mappings @ one.cell, other, len(one.numbers), stol)
    anchor = one.species[0]
    shifts = fixed[:, anchor] - other.frac[anchor.start]
    mapping, translation = (index.ravel() for index in np.indices(shifts.shape[:2]))
    for atoms, theirs in zip(one.species, other.species, strict=True):
        apart = fixed[mapping][:, None, atoms] - other.frac[theirs][None, :, None]
        apart -= shifts[mapping, translation][:, None, None]
        apart -= np.rint(apart)
        near = (np.abs(apart) <= tolerance[mapping][:, None, None]).all(axis=3)
        left = near.any(axis=2).all(axis=1)
        mapping, translation = mapping[left], translation[left]
        if not len(mapping):
            return False
    return True


def _fractional_tolerance(cells: np.ndarray, other: Frame, n_atoms: int, stol: float) -> np.ndarray:
    """The matcher's tolerance of fractional coordinates (n, 3) for cells (n, 3, 3) laid over another.

    Both lattices are replaced by one with the mean lengths and angles; the tolerance is
    2 stol (V / n_atoms)^(1/3) over the distance between its faces.
    """
    mine = _parameters(cells)
    lengths, angles = (mine[0] + other.edges) / 2, np.radians((mine[1] + other.angles) / 2)
    cosines = np.cos(angles)
    root = np.sqrt(np.maximum(1 - (cosines**2).sum(axis=-1) + 2 * cosines.prod(axis=-1), 1e-300))
    volume = lengths.prod(axis=-1) * root
    faces = lengths * root[..., None] / np.sin(angles)
    length = (volume / n_atoms) ** (1 / 3)
    return np.asarray(2 * stol * length[..., None] / faces * (1 + SLACK))


def _parameters(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and angles α, β, γ in degrees of cells (…, 3, 3)."""
    lengths = np.linalg.norm(cells, axis=-1)
    units = cells / lengths[..., None]
    products = units @ np.swapaxes(units, -1, -2)
    cosines = np.stack([products[..., a, b] for a, b in ((1, 2), (0, 2), (0, 1))], axis=-1)
    return lengths, np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def _size(atoms: slice) -> int:
    return int(atoms.stop - atoms.start)
