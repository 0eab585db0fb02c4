"""Reduced cells, the same lattice by its shortest vectors, however skewed the given ones are: one or many."""

from __future__ import annotations

import numpy as np

MOST_ROUNDS = 200  # each round at least halves the skew, so honest cells need a few dozen
SHRINKS = 1 - 1e-9  # a vector counts as shortened below this factor; rounding must not loop
SINGULAR = 1e-12  # volume of the reduced cell over the product of its edges


def is_singular(cell: np.ndarray) -> bool:
    """Whether a cell holds non-finite numbers or spans no volume beyond rounding."""
    if not np.isfinite(cell).all():
        return True
    largest = np.abs(cell).max()
    if not largest:
        return True
    scaled = cell / largest
    edges = np.linalg.norm(scaled, axis=1)
    return bool(edges.min() == 0 or abs(np.linalg.det(scaled / edges[:, None])) < SINGULAR)


def reduce_cell(cell: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Minkowski-reduce a cell: three shortest independent vectors that span the same lattice.

    Pairwise (Gauss) reduction of the two shortest vectors, then the closest point of their plane
    lattice is taken off the third (Semaev, LNCS 2146, 181, 2001).

    Returns:
        The reduced cell (3, 3) in Å and the unimodular integer matrix M (3, 3), as floats, with
        `reduced = M @ cell`; None when the cell is not finite or spans no volume.
    """
    if not np.isfinite(cell).all() or not np.abs(cell).max():
        return None
    scale = float(np.abs(cell).max())
    basis, steps = np.asarray(cell, dtype=float) / scale, np.eye(3)
    for _ in range(MOST_ROUNDS):
        order = np.argsort(np.einsum("ij,ij->i", basis, basis), kind="stable")
        basis, steps = basis[order], steps[order]
        basis, steps, shortened = _shorten(basis, steps)
        if not shortened:
            break
    if is_singular(basis) or np.abs(steps).max() > 2**52:
        return None
    return basis * scale, steps


def reduce_crystal(cell: np.ndarray, frac: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The reduced cell (3, 3) in Å and the coordinates (n_atoms, 3) in it, within [0, 1).

    None when the cell is singular or a number is not finite.
    """
    if not np.isfinite(frac).all():
        return None
    found = reduce_cell(cell)
    if found is None:
        return None
    reduced, steps = found
    inverse = np.rint(np.linalg.inv(steps))
    if not np.array_equal(inverse @ steps, np.eye(3)):
        return None
    inside = (frac % 1.0) @ inverse
    return reduced, inside - np.floor(inside)


def heights(cell: np.ndarray) -> np.ndarray:
    """Distances (3,) between the faces of a cell, in the unit of the cell."""
    scale = np.abs(cell).max()
    return scale / np.linalg.norm(np.linalg.inv(cell / scale), axis=0)


def _shorten(basis: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """One round on vectors sorted by length; returns new arrays and whether any became shorter."""
    a, b, c = basis
    basis, steps, shortened = basis.copy(), steps.copy(), False
    aa = a @ a
    k = np.rint((a @ b) / aa) if aa else 0.0
    if k and (b - k * a) @ (b - k * a) < SHRINKS * (b @ b):
        basis[1], steps[1] = b - k * a, steps[1] - k * steps[0]
        return basis, steps, True
    trials = _plane_rounding(a, b, c)
    moved = c - trials @ basis[:2]
    best = int(np.argmin(np.einsum("ij,ij->i", moved, moved)))
    if moved[best] @ moved[best] < SHRINKS * (c @ c):
        basis[2], steps[2] = moved[best], steps[2] - trials[best] @ steps[:2]
        shortened = True
    return basis, steps, shortened


def _plane_rounding(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Nine integer pairs (9, 2) around the projection of c onto the plane of a and b."""
    gram = np.array([[a @ a, a @ b], [a @ b, b @ b]])
    centre = np.linalg.lstsq(gram, np.array([a @ c, b @ c]), rcond=None)[0]
    grid = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)], dtype=float)
    return np.asarray(np.rint(centre) + grid, dtype=float)


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
