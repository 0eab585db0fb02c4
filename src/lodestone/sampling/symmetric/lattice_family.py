"""The lattices that a space group allows, as symmetric matrices L = √G in six coordinates.

A symmetric matrix is written by the six elements of its upper triangle. In these coordinates the noise of
MatterGen's lattice is white (every element has unit variance), so that orthogonal projection in them is the
restriction of the process to a subspace. The end of a structure is computed in double precision, exactly on
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from lodestone.wyckoff.groups import space_group
from lodestone.wyckoff.proposals import Proposal

UPPER = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
TRIALS = 24  # random lattices that decide whether a family is linear
FLAT = 1e-8  # relative singular value that counts as zero


@dataclass(frozen=True)
class Family:
    """The lattices of a space group.

    average (6, 6): the mean of Wᵀ G W over the group, which projects a metric on the allowed ones and keeps
    it positive. metrics (k, 6): a basis of these. linear (k, 6): an orthonormal basis of the allowed L where
    they too form a linear space, else None: then L lies on a curved surface. typical (6,): an allowed metric
    near the unit matrix.
    """

    average: np.ndarray = field(repr=False)
    metrics: np.ndarray = field(repr=False)
    linear: np.ndarray | None = field(repr=False)
    typical: np.ndarray = field(repr=False)


@lru_cache(maxsize=230)
def family(number: int) -> Family:
    """The lattices of the space group of this number, in the basis of its primitive cell.

    They are linear in L for all but the groups of orthorhombic F and I and of tetragonal I lattices.
    """
    group = space_group(number)
    columns = []
    for i in range(6):
        matrix = matrices(np.eye(6)[i])
        moved = np.einsum("gba,bc,gcd->gad", group.rotations, matrix, group.rotations)
        columns.append(coordinates(moved.mean(axis=0)))
    average = np.stack(columns, axis=1)
    metrics = coordinates(group.metrics)
    return Family(average, metrics, _linear(average, len(metrics)), average @ coordinates(np.eye(3)))


def coordinates(matrix: np.ndarray) -> np.ndarray:
    """The six coordinates (..., 6) of symmetric matrices (..., 3, 3)."""
    return np.stack([matrix[..., i, j] for i, j in UPPER], axis=-1)


def matrices(six: np.ndarray) -> np.ndarray:
    """The symmetric matrices (..., 3, 3) of six coordinates (..., 6)."""
    a, b, c, d, e, f = np.moveaxis(np.asarray(six, dtype=float), -1, 0)
    return np.stack([np.stack(row, axis=-1) for row in ((a, d, e), (d, b, f), (e, f, c))], axis=-2)


def root(metric: np.ndarray) -> np.ndarray:
    """The symmetric positive square root of a metric tensor (3, 3)."""
    values, vectors = np.linalg.eigh(metric)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def _linear(average: np.ndarray, dimension: int) -> np.ndarray | None:
    """A basis of the roots of random allowed metrics, if they span no more than the metrics do."""
    rng = np.random.default_rng(0)
    shapes = rng.normal(size=(TRIALS, 3, 3)) + 1.5 * np.eye(3)
    found = [coordinates(root(matrices(average @ coordinates(s @ s.T)))) for s in shapes]
    _, values, basis = np.linalg.svd(np.array(found))
    if int((values > FLAT * values[0]).sum()) > dimension:
        return None
    return np.asarray(basis[:dimension])


def exact_geometry(proposal: Proposal, cell: np.ndarray, frac: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cell (3, 3) in Å and fractional coordinates (n_atoms, 3) within [0, 1) next to given ones.

    Args:
        proposal: whose orbits hold the atoms, in their order.
        cell: symmetric, rows are lattice vectors.
        frac: unwrapped coordinates near the subspace.
    """
    metric = matrices(family(proposal.space_group).average @ coordinates(cell @ cell.T))
    places, first = [], 0
    for orbit in proposal.orbits:
        position = space_group(proposal.space_group).position(orbit.letter)
        mine = slice(first, first + position.multiplicity)
        first += position.multiplicity
        slopes = position.slopes.reshape(3 * position.multiplicity, position.freedom)
        away = (frac[mine] - position.offsets).ravel()
        places.append((slopes @ (np.linalg.pinv(slopes) @ away)).reshape(-1, 3) + position.offsets)
    inside = np.mod(np.concatenate(places), 1.0)
    return root(metric), np.where(inside == 1.0, 0.0, inside)
