"""Which Wyckoff position a point lies on, and with which free parameters.

Points are fractional coordinates in the primitive basis of `groups.py`. An atom of an orbit lies at
S u + o modulo lattice vectors; a point x belongs to it if (1 − S S⁺)(x − o + n) = 0 for some integers n,
and u = S⁺ (x − o + n) then are its parameters.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np

from lodestone.wyckoff.groups import Position, SpaceGroup, space_group

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
