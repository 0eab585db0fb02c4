"""Exact distances in a periodic crystal, safe on cells that a sampler should not have made."""

from __future__ import annotations

import itertools

import numpy as np

from lodestone.structures.lattices import heights, reduce_crystal

MOST_IMAGES = 20_000  # a reduced cell needs 125; more means that the cell is numerically flat
MOST_PAIRS = 20_000_000  # a neighbour list beyond this would not fit into memory


def min_distance(numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float:
    """Smallest distance in Å between two atoms of a crystal, an atom's own images included.

    The images searched follow from the faces' distances of the reduced cell and an upper bound of
    the answer, so that skewed and tiny cells are exact too.

    Args:
        numbers: (n_atoms,).
        cell: (3, 3) in Å; rows are lattice vectors.
        frac: (n_atoms, 3).

    Returns:
        The distance; NaN where none is defined: no atoms, a non-finite number, a cell without volume.
    """
    found = reduce_crystal(cell, frac) if len(numbers) else None
    if found is None:
        return float("nan")
    reduced, inside = found
    scale = float(np.abs(reduced).max())
    unit = reduced / scale
    i, j = np.triu_indices(len(inside), 1)
    between = inside[j] - inside[i]
    between -= np.rint(between)
    bound = float(np.linalg.norm(unit, axis=1).min())
    if len(between):
        bound = min(bound, float(np.linalg.norm(between @ unit, axis=1).min()))
    reach = np.ceil(bound / heights(unit) + 0.5)
    if np.prod(2 * reach + 1) > MOST_IMAGES:
        return float("nan")
    return scale * _smallest(unit, between, reach.astype(int))


def neighbours(
    cell: np.ndarray, frac: np.ndarray, cutoff: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every ordered pair within `cutoff` Å: atom indices i, j (n_pairs,) and distances in Å.

    Images of an atom are its neighbours too; an atom is not a neighbour of itself.

    Raises:
        ValueError: the cell is singular or not finite, or the list would not fit into memory.
    """
    from matscipy.neighbours import neighbour_list

    found = reduce_crystal(cell, frac)
    if found is None:
        msg = "no neighbour list: the cell spans no volume or a coordinate is not finite"
        raise ValueError(msg)
    reduced, inside = found
    edges = heights(reduced)
    pairs = 2 * np.log(len(inside)) + np.log1p(2 * cutoff / edges).sum()
    boxes = np.log(edges / cutoff).sum()
    if max(pairs, boxes) > np.log(MOST_PAIRS):
        msg = f"no neighbour list within {cutoff:g} Å: the cell is too dense or too large"
        raise ValueError(msg)
    i, j, d = neighbour_list(
        "ijd", positions=inside @ reduced, cell=reduced, pbc=np.ones(3, dtype=bool), cutoff=cutoff
    )
    return i, j, d


def _smallest(cell: np.ndarray, between: np.ndarray, reach: np.ndarray) -> float:
    """Smallest length over the images within `reach`, of differences and of lattice vectors."""
    images = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))), dtype=float)
    vectors = images @ cell
    lengths = np.linalg.norm(vectors, axis=1)
    smallest = float(lengths[np.any(images != 0, axis=1)].min())
    block = max(1, 2_000_000 // len(images))
    for start in range(0, len(between), block):
        apart = (between[start : start + block] @ cell)[:, None, :] + vectors
        smallest = min(smallest, float(np.linalg.norm(apart, axis=-1).min()))
    return smallest
