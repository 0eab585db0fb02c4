"""Space groups and their Wyckoff positions in the primitive cell.

The tables are PyXtal's (Fredericks et al., Comput. Phys. Commun. 261, 107810, 2021): the standard settings of
the International Tables A (unique axis b, cell choice 1, origin choice 2, hexagonal axes). MatterGen knows
crystals by primitive cells, so everything here is in the basis of a primitive cell, whose vectors are the
rows of `primitive` times those of the conventional cell.

An atom of an orbit lies at S u + o modulo lattice vectors; a point x (fractional, primitive basis) belongs
to it if (1 − S S⁺)(x − o + n) = 0 for some integers n, and u = S⁺ (x − o + n) then are its parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

NUMBERS = range(1, 231)
CENTRINGS: dict[str, list[list[float]]] = {
    "P": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "A": [[1, 0, 0], [0, 0.5, -0.5], [0, 0.5, 0.5]],
    "C": [[0.5, 0.5, 0], [-0.5, 0.5, 0], [0, 0, 1]],
    "I": [[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]],
    "F": [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]],
    "R": [[2 / 3, 1 / 3, 1 / 3], [-1 / 3, 1 / 3, 1 / 3], [-1 / 3, -2 / 3, 1 / 3]],
}
"""Primitive lattice vectors as rows, in the basis of the conventional cell, by the symbol's first letter."""
SYSTEMS = {
    "triclinic": 2,
    "monoclinic": 15,
    "orthorhombic": 74,
    "tetragonal": 142,
    "trigonal": 167,
    "hexagonal": 194,
    "cubic": 230,
}
"""Crystal systems with the last of their space groups."""


@dataclass(frozen=True)
class Position:
    """A Wyckoff position of a space group, in the basis of the primitive cell.

    The k-th of its `multiplicity` atoms sits at `slopes[k] @ u + offsets[k]` (fractional, modulo 1) for
    `freedom` free parameters u: slopes (multiplicity, 3, freedom), offsets (multiplicity, 3).
    """

    letter: str
    multiplicity: int
    freedom: int
    slopes: np.ndarray = field(repr=False, compare=False)
    offsets: np.ndarray = field(repr=False, compare=False)


@dataclass(frozen=True)
class SpaceGroup:
    """A space group in the basis of its primitive cell.

    rotations (n, 3, 3) integers and translations (n, 3) act on fractional columns: x' = W x + w. metrics
    (k, 3, 3) is a basis of the metric tensors G = L Lᵀ (rows of L are lattice vectors) that all rotations
    keep, Wᵀ G W = G; a crystal's metric is a sum of them. positions are sorted by letter, a first.
    """

    number: int
    symbol: str
    system: str
    positions: tuple[Position, ...]
    primitive: np.ndarray = field(repr=False, compare=False)
    rotations: np.ndarray = field(repr=False, compare=False)
    translations: np.ndarray = field(repr=False, compare=False)
    metrics: np.ndarray = field(repr=False, compare=False)

    def position(self, letter: str) -> Position:
        """The Wyckoff position of a letter.

        Raises:
            KeyError: the group has no such letter.
        """
        for position in self.positions:
            if position.letter == letter:
                return position
        raise KeyError(f"space group {self.number} has no Wyckoff letter {letter!r}")


@lru_cache(maxsize=230)
def space_group(number: int) -> SpaceGroup:
    """The space group of a number from 1 to 230.

    Raises:
        ValueError: there is no such number.
    """
    if number not in NUMBERS:
        raise ValueError(f"no space group {number}; there are 1 to 230")
    from pyxtal.symmetry import Group

    table = Group(number)
    primitive = np.array(CENTRINGS[table.symbol[0]])
    to_primitive = np.linalg.inv(primitive).T  # of fractional columns
    general = [_affine(op) for op in table[0].ops]
    rotations, translations = _operations(general, primitive, to_primitive)
    return SpaceGroup(
        number=number,
        symbol=str(table.symbol),
        system=crystal_system(number),
        positions=tuple(sorted((_position(w, to_primitive) for w in table), key=_by_letter)),
        primitive=primitive,
        rotations=rotations,
        translations=translations,
        metrics=_metrics(rotations),
    )


def crystal_system(number: int) -> str:
    """The crystal system of a space group."""
    return next(name for name, last in SYSTEMS.items() if number <= last)


def _by_letter(position: Position) -> tuple[bool, str]:
    return position.letter == "A", position.letter  # the 27th letter, of Pmmm alone, is a capital


def _affine(operation: Any) -> tuple[np.ndarray, np.ndarray]:
    matrix = np.asarray(operation.affine_matrix, dtype=float)
    return matrix[:3, :3], matrix[:3, 3]


def _operations(
    general: list[tuple[np.ndarray, np.ndarray]], primitive: np.ndarray, to_primitive: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Operations in the primitive basis, each once."""
    rotations, translations = [], []
    for rotation, shift in _distinct(
        [(to_primitive @ w @ primitive.T, to_primitive @ t) for w, t in general]
    ):
        rotations.append(np.rint(rotation).astype(int))
        translations.append(shift)
    return np.array(rotations), np.array(translations)


def _position(table: Any, to_primitive: np.ndarray) -> Position:
    every = [(to_primitive @ slope, to_primitive @ offset) for slope, offset in map(_affine, table.ops)]
    kept = _distinct(every)
    free = [k for k in range(3) if np.abs(kept[0][0][:, k]).max() > 1e-9]
    return Position(
        letter=str(table.letter),
        multiplicity=len(kept),
        freedom=len(free),
        slopes=np.array([slope[:, free] for slope, _ in kept]).reshape(len(kept), 3, len(free)),
        offsets=np.array([offset for _, offset in kept]),
    )


def _distinct(maps: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Affine maps that differ by more than a lattice vector, in order, their offsets within [0, 1)."""
    found: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = {}
    for slope, offset in maps:
        inside = np.mod(np.round(offset, 9), 1.0)
        key = (*np.rint(slope * 1e4).astype(int).ravel(), *(np.rint(inside * 1e4).astype(int) % 10_000))
        found.setdefault(tuple(map(int, key)), (slope, inside))
    return list(found.values())


def _metrics(rotations: np.ndarray) -> np.ndarray:
    """Basis of the symmetric matrices that all rotations keep, orthonormal in the Frobenius product."""
    pairs = [(i, j) for i in range(3) for j in range(i, 3)]
    symmetric = np.zeros((6, 3, 3))
    for k, (i, j) in enumerate(pairs):
        symmetric[k, i, j] = symmetric[k, j, i] = 1.0 if i == j else 0.5**0.5
    moved = np.einsum("gba,kbc,gcd->gkad", rotations, symmetric, rotations) - symmetric
    equations = moved.transpose(0, 2, 3, 1).reshape(-1, 6)
    _, values, basis = np.linalg.svd(equations, full_matrices=True)
    kernel = basis[int((values > 1e-9).sum()) :]
    return np.einsum("nk,kab->nab", kernel, symmetric)


NEAR = 1e-6  # fractional
_IMAGES = np.array(
    sorted(product(range(-3, 4), repeat=3), key=lambda n: (sum(abs(i) for i in n), n)), dtype=float
)  # of coordinates within [0, 1) every image that can lie on a line or plane through them, nearest first


def parameters_of(position: Position, point: np.ndarray, within: float = NEAR) -> np.ndarray | None:
    """Free parameters (freedom,) with which one atom of a position lies at an image of a point (3,).

    None where no atom of it comes closer than `within` (each fractional coordinate). Of several solutions
    the first in the order of the table's atoms and of the smallest lattice vector is given.
    """
    inverses = _inverses(position)
    shifted = np.mod(point, 1.0)[None, :] - position.offsets  # (multiplicity, 3)
    images = shifted[:, None, :] + _IMAGES  # (multiplicity, images, 3)
    u = images @ inverses.transpose(0, 2, 1)  # (multiplicity, images, freedom)
    apart = np.abs(u @ position.slopes.transpose(0, 2, 1) - images).max(axis=2)
    hits = np.argwhere(apart < within)
    return None if not len(hits) else np.asarray(u[tuple(hits[0])])


def letter_of(group: SpaceGroup, point: np.ndarray, within: float = NEAR) -> str:
    """The letter of the most special position that a point (3,) lies on.

    Positions of the same freedom are told apart by their multiplicity: where a line crosses another, the
    point of crossing is a position of its own.
    """
    for position in _most_special_first(group.number):
        if parameters_of(position, point, within) is not None:
            return position.letter
    raise AssertionError(f"the general position of space group {group.number} misses a point")


def orbit_points(position: Position, parameters: np.ndarray) -> np.ndarray:
    """Fractional coordinates (multiplicity, 3) within [0, 1) of an orbit with these parameters (freedom,)."""
    return np.mod(position.slopes @ np.asarray(parameters, dtype=float) + position.offsets, 1.0)


@lru_cache(maxsize=230)
def _most_special_first(number: int) -> tuple[Position, ...]:
    return tuple(sorted(space_group(number).positions, key=lambda p: (p.freedom, p.multiplicity)))


def _inverses(position: Position) -> np.ndarray:
    """S⁺ of every atom (multiplicity, freedom, 3)."""
    if position.freedom == 0:
        return np.zeros((position.multiplicity, 0, 3))
    return np.linalg.pinv(position.slopes)
