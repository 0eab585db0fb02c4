"""Letters that stand for the same crystals: the normaliser's permutations of the Wyckoff positions.

A map x' = P x + p that takes a space group into itself (P unimodular in the primitive basis) describes the
same crystal in another, equally standard cell, and permutes the letters: rock salt is 225 Li:a O:b as well as
225 Li:b O:a. The cell of a proposal is free, so all maps of the affine normaliser count, which gives the
Wyckoff sets of the International Tables A, and not only those that keep one metric. `canonical` picks one of
the equivalent descriptions: proposals that stand for the same crystals become equal.

The permutations are closed over generators: the pure translations of the normaliser, and one map for every
matrix P with entries −1, 0, 1, modulo the matrices of the group itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import product

import numpy as np

from lodestone.wyckoff.groups import SpaceGroup, orbit_points, parameters_of, space_group
from lodestone.wyckoff.proposals import Orbit, Proposal

TWELFTHS = {"trigonal", "hexagonal"}
"""Shifts of the origin are multiples of 1/12 of the primitive vectors here, of 1/8 elsewhere."""
GENERIC = np.array([0.1234567, 0.2718281, 0.0577215])  # free parameters without a symmetry of their own
Permutation = tuple[str, ...]
"""The letters that take the places of a group's letters, in the order of its positions."""


@lru_cache(maxsize=230)
def permutations(number: int) -> tuple[Permutation, ...]:
    """Every permutation of the letters of a group by its affine normaliser, sorted; the identity is one."""
    group = space_group(number)
    identity = tuple(p.letter for p in group.positions)
    if len({(p.multiplicity, p.freedom) for p in group.positions}) == len(group.positions):
        return (identity,)  # no two letters are alike
    generators = {_permutation(group, matrix, shift) for matrix, shift in _generators(group)}
    index = {letter: i for i, letter in enumerate(identity)}
    found, new = {identity}, [identity]
    while new:
        last = new.pop()
        for generator in generators:
            longer = tuple(generator[index[letter]] for letter in last)
            if longer not in found:
                found.add(longer)
                new.append(longer)
    return tuple(sorted(found))


def equivalents(proposal: Proposal) -> set[tuple[Orbit, ...]]:
    """Orbits, sorted, of every proposal that stands for the same crystals, the given one's among them."""
    letters = [p.letter for p in space_group(proposal.space_group).positions]
    found = set()
    for permutation in permutations(proposal.space_group):
        place = dict(zip(letters, permutation, strict=True))
        found.add(tuple(sorted(Orbit(o.element, place[o.letter]) for o in proposal.orbits)))
    return found


def canonical(proposal: Proposal) -> Proposal:
    """The one of the equivalent proposals whose sorted orbits come first; its weight is kept."""
    return replace(proposal, orbits=min(equivalents(proposal)))


def _generators(group: SpaceGroup) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Maps (P, p) whose products are the normaliser's, as far as letters are concerned."""
    one = np.eye(3, dtype=int)
    yield from ((one, shift) for shift in _shifts(group, one))
    seen = {_key(w) for w in group.rotations}
    for matrix in _matrices(group):
        if _key(matrix) not in seen:
            seen |= {_key(matrix @ w) for w in group.rotations}
            yield from ((matrix, shift) for shift in _shifts(group, matrix)[:1])


def _matrices(group: SpaceGroup) -> list[np.ndarray]:
    """Unimodular matrices with entries −1, 0, 1 that conjugate the group's rotations into themselves."""
    kept = _elementary() if group.system == "triclinic" else _unimodular()
    inverses = np.rint(np.linalg.inv(kept)).astype(int)
    allowed = _codes(group.rotations)
    for w in group.rotations[1:]:  # the first is the identity
        inside = np.isin(_codes(kept @ w @ inverses), allowed)
        kept, inverses = kept[inside], inverses[inside]
    return list(kept)


def _shifts(group: SpaceGroup, matrix: np.ndarray) -> list[np.ndarray]:
    """Every p on the grid with which x' = P x + p takes the group's operations into operations of the group.

    The operation (W, w) becomes (W', P w + (1 − W') p) with W' = P W P⁻¹.
    """
    n = 12 if group.system in TWELFTHS else 8
    inverse = np.rint(np.linalg.inv(matrix)).astype(int)
    translation = {_key(w): t for w, t in zip(group.rotations, group.translations, strict=True)}
    left = np.array(list(product(range(n), repeat=3))) / n
    for w, t in zip(group.rotations, group.translations, strict=True):
        turned = matrix @ w @ inverse
        apart = left @ (np.eye(3) - turned).T + matrix @ t - translation[_key(turned)]
        left = left[np.abs(apart - np.rint(apart)).max(axis=1) < 1e-6]
    return list(left)


def _permutation(group: SpaceGroup, matrix: np.ndarray, shift: np.ndarray) -> Permutation:
    found = []
    for position in group.positions:
        point = matrix @ orbit_points(position, GENERIC[: position.freedom])[0] + shift
        alike = [
            p for p in group.positions
            if (p.multiplicity, p.freedom) == (position.multiplicity, position.freedom)
        ]  # fmt: skip
        found.append(next(p.letter for p in alike if parameters_of(p, point) is not None))
    return tuple(found)


@lru_cache(maxsize=1)
def _unimodular() -> np.ndarray:
    every = np.array(list(product((-1, 0, 1), repeat=9))).reshape(-1, 3, 3)
    return every[np.abs(np.rint(np.linalg.det(every))) == 1]


def _elementary() -> np.ndarray:
    """Generators of all unimodular matrices: one vector added to another, the inversion."""
    one = np.eye(3, dtype=int)
    sums = [one + np.outer(one[i], one[j]) for i in range(3) for j in range(3) if i != j]
    return np.array([*sums, -one])


def _codes(matrices: np.ndarray) -> np.ndarray:
    """One integer (n,) for each of integer matrices (n, 3, 3) with entries from −32 to 31."""
    return (matrices.reshape(-1, 9) + 32) @ (64 ** np.arange(9))


def _key(matrix: np.ndarray) -> bytes:
    return np.asarray(matrix, dtype=np.int8).tobytes()
