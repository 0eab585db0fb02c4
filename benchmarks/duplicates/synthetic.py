"""Made-up crystals with known duplicates, to time and to check the clustering with."""

from __future__ import annotations

from functools import cache
from itertools import product
from math import gcd

import numpy as np

from lodestone.structures.crystals import Crystal

EDGE = 2.25  # Å between the sites of the grid that atoms are put on
LARGEST = 20  # atoms of a parent
METALS = (27, 26, 25, 28, 24, 22)
SHIFT = 0.02  # Å, by which the copies of a parent differ


def duplicated_crystals(
    n_structures: int, n_formulas: int, *, parents: int = 20, seed: int = 0
) -> tuple[list[Crystal], np.ndarray]:
    """Distorted, rotated, permuted copies of random parents, and each one's parent.

    Args:
        n_structures: how many crystals.
        n_formulas: how many reduced compositions.
        parents: distinct crystals of each composition.
        seed: of the random numbers.

    Returns:
        The crystals and the index of each one's parent (n_structures,).
    """
    rng = np.random.default_rng(seed)
    originals = [_parent(rng, k // parents) for k in range(n_formulas * parents)]
    origin = rng.integers(len(originals), size=n_structures)
    return [_copy(rng, originals[k]) for k in origin], origin


def _parent(rng: np.random.Generator, formula: int) -> Crystal:
    """Atoms on some sites of a sheared grid; the formula's number sets kinds and counts."""
    numbers = _formula(formula)
    shape = rng.permutation([2, 2, -(-len(numbers) // 4) + 1])
    sites = np.indices(shape.tolist()).reshape(3, -1).T / shape
    frac = sites[rng.permutation(len(sites))[: len(numbers)]]
    shear = np.eye(3) + np.tril(rng.uniform(-0.4, 0.4, (3, 3)), -1)
    cell = np.diag(shape * EDGE * rng.uniform(0.9, 1.1, 3)) @ shear
    return numbers, cell, frac


def _formula(k: int) -> np.ndarray:
    """Atomic numbers of the k-th formula: ternary oxides of lithium with at most 20 atoms."""
    counts = _counts()
    metal, which = divmod(k, len(counts))
    return np.repeat([3, 8, METALS[metal]], counts[which])


@cache
def _counts() -> list[tuple[int, int, int]]:
    """Numbers of atoms of reduced ternary formulas, in a random order that never changes."""
    triples = product(range(1, LARGEST), repeat=3)
    counts = [(a, b, c) for a, b, c in triples if a + b + c <= LARGEST and gcd(a, b, c) == 1]
    return [counts[k] for k in np.random.default_rng(0).permutation(len(counts))]


def _copy(rng: np.random.Generator, crystal: Crystal) -> Crystal:
    """The same crystal seen otherwise and shaken a little."""
    numbers, cell, frac = crystal
    order = rng.permutation(len(numbers))
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    shaken = frac[order] + rng.normal(scale=SHIFT, size=frac.shape) @ np.linalg.inv(cell)
    return numbers[order], cell @ rotation, shaken + rng.uniform(size=3)
