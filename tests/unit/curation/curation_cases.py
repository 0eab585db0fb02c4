"""Crystals and definitions that several tests of curation use."""

from __future__ import annotations

import itertools
import math

import numpy as np

from lodestone.structures.distances import min_distance
from lodestone.structures.lattices import heights


def by_definition(crystal: tuple, cutoff: float, sigma: float, grid: np.ndarray) -> np.ndarray:
    """F_AB as written in the paper: loops over pairs of elements, atoms and images."""
    numbers, cell, frac = crystal
    volume = abs(np.linalg.det(cell))
    reach = [math.ceil((cutoff + 6 * sigma) / h) + 1 for h in heights(cell)]
    images = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach)))) @ cell
    inside = (frac - np.floor(frac)) @ cell
    rows = []
    for a, b in itertools.combinations_with_replacement(sorted(set(numbers.tolist())), 2):
        total = np.zeros_like(grid)
        for i in np.flatnonzero(numbers == a):
            for j in np.flatnonzero(numbers == b):
                d = np.linalg.norm(inside[j] - inside[i] + images, axis=1)
                d = d[(d > 1e-8) & (d < cutoff + 6 * sigma)]
                gauss = np.exp(-((grid[:, None] - d) ** 2) / (2 * sigma**2))
                total += (gauss / (sigma * math.sqrt(2 * math.pi)) / d**2).sum(axis=1)
        count = (numbers == a).sum() * (numbers == b).sum()
        rows.append(volume / (4 * math.pi * count) * total - 1)
    return np.array(rows)


def seen_otherwise(crystal: tuple, rng: np.random.Generator) -> tuple:
    """The same crystal: supercell, another basis, rotated or mirrored, shifted, permuted."""
    numbers, cell, frac = crystal
    sizes = rng.integers(1, 3, size=3)
    shifts = np.indices(sizes).reshape(3, -1).T
    frac = ((frac[None] + shifts[:, None]) / sizes).reshape(-1, 3)
    numbers, cell = np.tile(numbers, len(shifts)), cell * sizes[:, None]
    basis = np.eye(3)
    basis[rng.integers(3)] += rng.integers(-2, 3) * np.eye(3)[rng.integers(3)]
    if abs(np.linalg.det(basis)) != 1:
        basis = np.eye(3)
    order = rng.permutation(len(numbers))
    frac = (frac[order] + rng.uniform(size=3) + rng.integers(-2, 3, size=frac.shape)) @ np.linalg.inv(basis)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return numbers[order], basis @ cell @ rotation, frac


def random_crystal(rng: np.random.Generator) -> tuple:
    """One to four atoms of up to three elements, none closer than 0.9 Å."""
    while True:
        n_atoms = int(rng.integers(1, 5))
        crystal = (
            rng.choice([3, 27, 8], size=n_atoms),
            np.diag(rng.uniform(2, 4, 3)) + np.tril(rng.uniform(-1, 1, (3, 3)), -1),
            rng.uniform(size=(n_atoms, 3)),
        )
        if min_distance(*crystal) > 0.9:
            return crystal
