"""Reduced cells: the same lattice by its shortest vectors, however skewed the given ones are."""

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
