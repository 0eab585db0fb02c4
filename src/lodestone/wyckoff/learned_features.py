"""Space groups and Wyckoff positions as vectors: what is learned of one serves those that resemble it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lodestone.wyckoff.groups import CENTRINGS, NUMBERS, SYSTEMS, Position, SpaceGroup, space_group

WIDEST = 27
"""The most positions that a group has (Pmmm)."""


@lru_cache(maxsize=1)
def group_features() -> np.ndarray:
    """(230, n): crystal system, centring, log₂ of the order, centre of inversion, numbers of positions."""
    return np.array([_of_group(space_group(number)) for number in NUMBERS], dtype=np.float32)


@lru_cache(maxsize=1)
def position_features() -> np.ndarray:
    """(230, 27, n): freedom, multiplicity, order of the site symmetry, place; zeros where there is none."""
    rows = np.zeros((len(NUMBERS), WIDEST, len(_of_position(space_group(1), space_group(1).positions[0]))))
    for number in NUMBERS:
        group = space_group(number)
        for i, position in enumerate(group.positions):
            rows[number - 1, i] = _of_position(group, position)
    return rows.astype(np.float32)


@lru_cache(maxsize=1)
def position_multiplicities() -> np.ndarray:
    """(230, 27): atoms per primitive cell, 1 where there is no position."""
    found = np.ones((len(NUMBERS), WIDEST), dtype=np.int64)
    for number in NUMBERS:
        for i, position in enumerate(space_group(number).positions):
            found[number - 1, i] = position.multiplicity
    return found


@lru_cache(maxsize=1)
def position_rows() -> np.ndarray:
    """(230, 27): a number of its own for every position of all groups, 0 where there is none."""
    sizes = [len(space_group(number).positions) for number in NUMBERS]
    found, next_row = np.zeros((len(NUMBERS), WIDEST), dtype=np.int64), 1
    for row, size in zip(found, sizes, strict=True):
        row[:size] = np.arange(next_row, next_row + size)
        next_row += size
    return found


def _of_group(group: SpaceGroup) -> list[float]:
    fixed = sum(p.freedom == 0 for p in group.positions)
    inverted = bool((group.rotations == -np.eye(3, dtype=int)).all(axis=(1, 2)).any())
    return [
        *(float(group.system == name) for name in SYSTEMS),
        *(float(group.symbol[0] == letter) for letter in CENTRINGS),
        np.log2(len(group.rotations)) / 6,
        float(inverted),
        fixed / 8,
        len(group.positions) / WIDEST,
        np.log2(min(p.multiplicity for p in group.positions)) / 4,
        float(np.abs(group.translations).max() > 1e-6),
    ]


def _of_position(group: SpaceGroup, position: Position) -> list[float]:
    """The point nearest the origin of its first atom tells positions of the same kind apart."""
    angles = 2 * np.pi * position.offsets[0]
    return [
        *(float(position.freedom == n) for n in range(4)),
        np.log2(position.multiplicity) / 6,
        np.log2(len(group.rotations) / position.multiplicity) / 6,
        *np.cos(angles),
        *np.sin(angles),
        *(np.abs(position.slopes[0]).sum(axis=1) > 0).astype(float),
    ]
