"""Random realistic cells, and a few crystals whose neighbour counts everyone knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CLOSEST = 0.75  # fraction of the spacing of a cubic packing at this volume that atoms keep apart
TRIES = 24


@dataclass(frozen=True)
class Cells:
    """Structures of equal size: numbers (n, atoms), cell (n, 3, 3) in Å, frac (n, atoms, 3)."""

    numbers: np.ndarray
    cell: np.ndarray
    frac: np.ndarray

    def first(self, n: int) -> Cells:
        """The first n structures."""
        return Cells(self.numbers[:n], self.cell[:n], self.frac[:n])


def random_cells(
    numbers: Sequence[int], n: int, rng: np.random.Generator, volume: tuple[float, float] = (8.0, 15.0)
) -> Cells:
    """Triclinic cells, n of them, with the given atoms at `volume` Å³/atom, angles 60° to 120°.

    Atoms are placed one by one, each at the first of many random places that is far enough from all
    others, or at the farthest one tried: dense, disordered and without overlaps, as clean estimates
    of a half-denoised crystal are.
    """
    return Cells(
        np.tile(np.asarray(numbers, dtype=int), (n, 1)),
        *map(np.stack, zip(*(_one(len(numbers), volume, rng) for _ in range(n)), strict=True)),
    )


def _one(
    n_atoms: int, volume: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    from ase.geometry import cellpar_to_cell

    lengths, angles = rng.uniform(0.7, 1.4, 3), rng.uniform(65, 115, 3)
    cell = np.asarray(cellpar_to_cell([*lengths, *angles]))
    per_atom = rng.uniform(*volume)
    cell = cell * (n_atoms * per_atom / abs(np.linalg.det(cell))) ** (1 / 3)
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
    wanted = CLOSEST * per_atom ** (1 / 3)
    placed = rng.random((1, 3))
    while len(placed) < n_atoms:
        tried = rng.random((TRIES, 3))
        apart = tried[:, None, None] - placed[None, :, None] + shifts
        nearest = np.linalg.norm(apart @ cell, axis=-1).min(axis=(1, 2))
        good = np.flatnonzero(nearest > wanted)
        placed = np.vstack([placed, tried[good[0] if len(good) else nearest.argmax()]])
    return cell, placed


@dataclass(frozen=True)
class Known:
    """A crystal with a neighbour count beyond dispute: `count` Cu–Cu (or A–B) within `cutoff` Å."""

    title: str
    numbers: list[int]
    cell: np.ndarray
    frac: np.ndarray
    pair: tuple[str, str]
    cutoff: float
    count: float


def known_crystals() -> list[Known]:
    """Crystals on which both implementations are asked."""
    a = 3.61
    fcc = a / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    skew = np.array([[1, 0, 0], [2, 1, 0], [0, 0, 1]])  # another basis of the same lattice
    origin, copper = np.zeros((1, 3)), ("Cu", "Cu")
    salt = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    moved = np.array([[0.0, 0, 0], [1.5, 1.5, 1.5]])
    cesium = 2.9 * np.eye(3)
    return [
        Known("fcc Cu, primitive cell, first shell", [29], fcc, origin, copper, 3.0, 12),
        Known("fcc Cu, primitive cell, first three shells", [29], fcc, origin, copper, 4.9, 42),
        Known("fcc Cu, the same lattice in a skewed cell", [29], skew @ fcc, origin, copper, 3.0, 12),
        Known("simple cubic, 1 atom, two shells", [29], cesium, origin, copper, 4.5, 18),
        Known("B2 FeB, atom given in the next cell", [26, 5], cesium, moved, ("Fe", "B"), 2.9, 8),
        Known("rock salt LiO, conventional cell", [3] * 4 + [8] * 4, 4.2 * np.eye(3), salt / 2.0,
              ("Li", "O"), 2.6, 6),
    ]  # fmt: skip
