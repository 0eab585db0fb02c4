"""Reduced cells of many lattices at once; `lattice.py` does the same for one."""

from __future__ import annotations

import numpy as np

from lodestone.curation.lattice import MOST_ROUNDS, SHRINKS, SINGULAR

AROUND = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)], dtype=float)


def reduce_cells(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Minkowski-reduce cells (n, 3, 3).

    Returns:
        The reduced cells (n, 3, 3) in Å, the integer matrices M (n, 3, 3) with `reduced = M @ cell`,
        and which of them are sound (n,): finite, of a volume, and exactly invertible. The others
        hold the unit cell.
    """
    cells = np.asarray(cells, dtype=float)
    with np.errstate(invalid="ignore", over="ignore"):
        largest = np.abs(cells).max(axis=(1, 2), initial=0)
    sound = np.isfinite(cells).all(axis=(1, 2)) & (largest > 0)
    scale = np.where(sound, largest, 1.0)[:, None, None]
    basis = np.where(sound[:, None, None], cells, np.eye(3)) / scale
    steps = np.broadcast_to(np.eye(3), cells.shape).copy()
    active = np.arange(len(cells))
    for _ in range(MOST_ROUNDS):
        if not len(active):
            break
        basis[active], steps[active], shortened = _round(basis[active], steps[active])
        active = active[shortened]
    sound &= _regular(basis) & (np.abs(steps).max(axis=(1, 2), initial=0) <= 2**52)
    steps[~sound] = np.eye(3)
    sound &= (np.rint(np.linalg.inv(steps)) @ steps == np.eye(3)).all(axis=(1, 2))
    reduced = np.where(sound[:, None, None], basis * scale, np.eye(3))
    return reduced, np.where(sound[:, None, None], steps, np.eye(3)), sound


def heights_of(cells: np.ndarray) -> np.ndarray:
    """Distances (n, 3) between the faces of cells (n, 3, 3), in their unit."""
    scale = np.abs(cells).max(axis=(1, 2))[:, None]
    return np.asarray(scale / np.linalg.norm(np.linalg.inv(cells / scale[:, :, None]), axis=1))


def _regular(basis: np.ndarray) -> np.ndarray:
    edges = np.linalg.norm(basis, axis=2)
    safe = np.where(edges > 0, edges, 1.0)
    volume = np.abs(np.linalg.det(basis / safe[:, :, None]))
    return np.asarray((edges.min(axis=1, initial=np.inf) > 0) & (volume >= SINGULAR))


def _round(basis: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort by length, shorten the second vector by the first, or else the third by their plane."""
    order = np.argsort(np.einsum("nij,nij->ni", basis, basis), axis=1, kind="stable")[:, :, None]
    basis, steps = np.take_along_axis(basis, order, 1), np.take_along_axis(steps, order, 1)
    a, b = basis[:, 0], basis[:, 1]
    second = _shortening(b, a[:, None], steps[:, 1], steps[:, :1], _ratio(a, b)[:, None, None])
    third = _shortening(
        basis[:, 2], basis[:, :2], steps[:, 2], steps[:, :2], _plane_trials(a, b, basis[:, 2])
    )
    first = second[2]
    basis[:, 1], steps[:, 1] = second[0], second[1]
    later = third[2] & ~first
    basis[later, 2], steps[later, 2] = third[0][later], third[1][later]
    return basis, steps, first | later


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How often a goes into the projection of b, rounded; 0 where a is 0."""
    aa = _dot(a, a)
    return np.rint(np.divide(_dot(a, b), aa, out=np.zeros_like(aa), where=aa > 0))


def _shortening(
    vector: np.ndarray, by: np.ndarray, step: np.ndarray, by_steps: np.ndarray, trials: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The shortest of vector - trial · by, its steps, and whether it is shorter than the vector.

    Vectors (n, 3), `by` (n, m, 3), trials (n, k, m); unchanged where nothing is shorter.
    """
    moved = vector[:, None] - trials @ by
    lengths = np.einsum("nki,nki->nk", moved, moved)
    best = lengths.argmin(axis=1)
    rows = np.arange(len(best))
    shorter = lengths[rows, best] < SHRINKS * _dot(vector, vector)
    chosen = trials[rows, best]
    new_step = step - np.einsum("nm,nmi->ni", chosen, by_steps)
    keep = shorter[:, None]
    return np.where(keep, moved[rows, best], vector), np.where(keep, new_step, step), shorter


def _plane_trials(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Integer pairs (n, 9, 2) around the projection of c onto the plane of a and b."""
    aa, ab, bb, ac, bc = _dot(a, a), _dot(a, b), _dot(b, b), _dot(a, c), _dot(b, c)
    area = aa * bb - ab * ab
    flat = area <= 1e-30 * np.maximum(aa * bb, 1e-300)
    safe = np.where(flat, 1.0, area)
    centre = np.stack([(ac * bb - bc * ab) / safe, (bc * aa - ac * ab) / safe], axis=1)
    centre[flat] = 0.0
    return np.asarray(np.rint(centre)[:, None] + AROUND)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("ni,ni->n", a, b))
