"""Pairs of crystals of which it is known whether they are the same, to try a decision on.

Distinct: decorated prototypes of one formula that no tolerance makes equal by symmetry. Same: a
prototype and itself, shaken, strained, in a supercell, or in another setting. What tells distinct
prototypes apart is spglib alone: neither fingerprint nor matcher has a say.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from lodestone.curation.symmetry import symmetry_dataset
from lodestone.structures.crystals import Composition, Crystal, composition
from lodestone.structures.distances import min_distance

SYMPRECS = (0.01, 0.03, 0.1, 0.2, 0.3)  # Å
APART = 1.0  # Å; prototypes with closer atoms are no crystals to try anything on

Signature = tuple[int, int, tuple[tuple[int, int], ...]]
Change = Callable[[Crystal, np.random.Generator], Crystal]


def prototypes(systems: Sequence[Sequence[str]]) -> list[Crystal]:
    """The bundled AFLOW prototypes with at most 12 atoms, decorated with each system's elements."""
    from training.references.prototypes import Quota, decorations, load_prototypes

    bundled = load_prototypes()
    decorated = [s for elements in systems for s in decorations(bundled, Quota(tuple(elements), 100_000), 0)]
    crystals = [(np.array(s.atomic_numbers), s.lattice.matrix.copy(), s.frac_coords) for s in decorated]
    return [c for c in crystals if min_distance(*c) > APART]


def signatures(crystal: Crystal) -> frozenset[Signature]:
    """Space group, size of the primitive cell, and occupied sites, at every tolerance of `SYMPRECS`."""
    found = (_signature(crystal, symprec) for symprec in SYMPRECS)
    return frozenset(mark for mark in found if mark is not None)


def distinct_pairs(crystals: Sequence[Crystal]) -> tuple[list[tuple[int, int]], int]:
    """Pairs of one composition that are distinct by symmetry, and how many pairs are left out.

    A pair is distinct where no signature of the one at any tolerance is one of the other's at any.
    Pairs that share one may be the same crystal or not: they are left out.
    """
    groups: dict[Composition, list[int]] = {}
    for i, crystal in enumerate(crystals):
        groups.setdefault(composition(crystal[0]), []).append(i)
    marks = [signatures(c) for c in crystals]
    pairs = [p for group in groups.values() for p in itertools.combinations(group, 2)]
    found = [(i, j) for i, j in pairs if marks[i] and marks[j] and not marks[i] & marks[j]]
    return found, len(pairs) - len(found)


def same_pairs(crystals: Sequence[Crystal], kind: str, seed: int = 0) -> list[tuple[Crystal, Crystal]]:
    """Each crystal with a changed copy of itself; `kind` is one of `CHANGES`."""
    rng = np.random.default_rng([seed, sorted(CHANGES).index(kind)])
    return [(crystal, CHANGES[kind](crystal, rng)) for crystal in crystals]


def shaken(crystal: Crystal, rng: np.random.Generator, sigma: float) -> Crystal:
    """Every coordinate moved by a normal deviate of `sigma` Å."""
    numbers, cell, frac = crystal
    return numbers, cell, frac + rng.normal(scale=sigma, size=frac.shape) @ np.linalg.inv(cell)


def strained(crystal: Crystal, rng: np.random.Generator, size: float) -> Crystal:
    """The cell under a random symmetric strain whose largest principal part is `size`."""
    numbers, cell, frac = crystal
    strain = rng.normal(size=(3, 3))
    strain += strain.T
    strain *= size / np.abs(np.linalg.eigvalsh(strain)).max()
    return numbers, cell @ (np.eye(3) + strain), frac


def supercell(crystal: Crystal, rng: np.random.Generator) -> Crystal:
    """Two to four cells in a random Hermite normal form."""
    numbers, cell, frac = crystal
    diagonal = rng.permutation([1, 1, int(rng.integers(2, 5))])
    steps = np.diag(diagonal)
    steps[1, 0], steps[2, 0], steps[2, 1] = (int(rng.integers(n)) for n in diagonal[[0, 0, 1]])
    count = round(np.linalg.det(steps))
    inverse = np.linalg.inv(steps)
    points = np.indices((count + 4,) * 3).reshape(3, -1).T @ inverse
    inside = np.unique(np.round(points % 1.0, 9) % 1.0, axis=0)
    whole = (frac @ inverse)[None] + inside[:, None]
    return np.tile(numbers, len(inside)), steps @ cell, whole.reshape(-1, 3)


def setting(crystal: Crystal, rng: np.random.Generator) -> Crystal:
    """Another basis of the lattice, turned or mirrored, shifted, atoms in another order."""
    numbers, cell, frac = crystal
    basis = np.eye(3)
    for _ in range(3):
        i, j = rng.permutation(3)[:2]
        basis[i] += rng.integers(-2, 3) * basis[j]
    order = rng.permutation(len(numbers))
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    moved = (frac[order] + rng.uniform(size=3)) @ np.rint(np.linalg.inv(basis))
    return numbers[order], basis @ cell @ turned, moved


CHANGES: dict[str, Change] = {
    "shaken by 0.02 Å": lambda c, rng: shaken(c, rng, 0.02),
    "shaken by 0.05 Å": lambda c, rng: shaken(c, rng, 0.05),
    "strained by 1 %": lambda c, rng: strained(c, rng, 0.01),
    "supercell": supercell,
    "another setting": setting,
    "supercell, shaken by 0.05 Å": lambda c, rng: shaken(supercell(c, rng), rng, 0.05),
    "supercell, another setting, strained by 1 %, shaken by 0.03 Å": lambda c, rng: shaken(
        strained(setting(supercell(c, rng), rng), rng, 0.01), rng, 0.03
    ),
}
"""Ways in which a crystal stays the same; shaking is a standard deviation per coordinate."""


def _signature(crystal: Crystal, symprec: float) -> Signature | None:
    """Space group, atoms of the primitive cell, and (element, atoms in it) of every orbit.

    Symbols of sites are left out: they depend on the choice of axes and origin.
    """
    data = symmetry_dataset(crystal, symprec)
    if isinstance(data, str):
        return None
    numbers = crystal[0]
    primitive = int(data.std_mapping_to_primitive.max()) + 1
    _, first, sizes = np.unique(data.crystallographic_orbits, return_index=True, return_counts=True)
    in_primitive = sizes * primitive // len(numbers)
    occupied = sorted(zip(numbers[first].tolist(), in_primitive.tolist(), strict=True))
    return int(data.number), primitive, tuple(occupied)
