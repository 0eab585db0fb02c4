"""Radial-distribution fingerprints of crystals and their cosine distance.

Oganov and Valle, J. Chem. Phys. 130, 104504 (2009). For every unordered pair of elements A, B

    F_AB(R) = V / (4π N_A N_B) Σ_{i in A} Σ_{j in B, images} δ_σ(R - R_ij) / R_ij² - 1

with δ_σ a normalised Gaussian of width σ, V the cell volume, N_A and N_B the numbers of atoms in
it: the pair distribution less its mean, so 0 at long range. Two crystals are compared by

    D = (1 - Σ_AB w_AB F_AB·F'_AB / (|F| |F'|)) / 2,   |F|² = Σ_AB w_AB F_AB·F_AB,
    w_AB = N_A N_B / Σ N_A N_B

which is 0 for equal crystals and at most 1. D does not see supercells, rotations, mirror images,
translations, or the order of atoms. It is defined between crystals of one reduced composition.

Here the formula is evaluated as it stands, one crystal at a time; `fingerprints.py` does many fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lodestone.structures.crystals import Crystal, composition
from lodestone.structures.distances import neighbours

TAIL = 5.0  # Gaussians are cut at this many σ, where 6e-7 of the weight is left
SHORTEST = 0.1  # Å; 1/R² of nearly coincident atoms would drown all else


@dataclass(frozen=True)
class FingerprintSettings:
    """Range, smearing and grid of a fingerprint, all in Å."""

    cutoff: float = 10.0
    sigma: float = 0.1
    spacing: float = 0.05

    @property
    def grid(self) -> np.ndarray:
        """Radii (n_bins,) in Å at which the fingerprint is evaluated."""
        return (np.arange(round(self.cutoff / self.spacing)) + 0.5) * self.spacing


DEFAULTS = FingerprintSettings()


def fingerprint(crystal: Crystal, settings: FingerprintSettings = DEFAULTS) -> np.ndarray:
    """F_AB on the grid, (n_pairs, n_bins), pairs A ≤ B in order of atomic numbers.

    Raises:
        ValueError: no fingerprint is defined (flat cell, non-finite number, coincident atoms).
    """
    numbers, cell, frac = crystal
    elements, kind = np.unique(numbers, return_inverse=True)
    i, j, d = neighbours(cell, frac, settings.cutoff + TAIL * settings.sigma)
    if len(d) and d.min() < SHORTEST:
        msg = f"no fingerprint: two atoms are {d.min():.2g} Å apart"
        raise ValueError(msg)
    first, second = kind[i], kind[j]
    once = first <= second  # (A, B) and (B, A) hold the same distances
    n = len(elements)
    row = _pair_index(first[once], second[once], n)
    sums = _smeared(row, d[once], n * (n + 1) // 2, settings)
    counts = np.bincount(kind, minlength=n).astype(float)
    a, b = np.triu_indices(n)
    return sums * (abs(np.linalg.det(cell)) / (4 * np.pi * counts[a] * counts[b]))[:, None] - 1


def weights(numbers: np.ndarray) -> np.ndarray:
    """w_AB of the pairs (n_pairs,), in the order of `fingerprint`; their sum is 1."""
    counts = np.unique(numbers, return_counts=True)[1].astype(float)
    a, b = np.triu_indices(len(counts))
    product = counts[a] * counts[b]
    return np.asarray(product / product.sum(), dtype=float)


def vector(crystal: Crystal, settings: FingerprintSettings = DEFAULTS) -> np.ndarray:
    """√w_AB F_AB over its norm, flat (n_pairs · n_bins,): a dot product of two is their cosine."""
    flat = (np.sqrt(weights(crystal[0]))[:, None] * fingerprint(crystal, settings)).ravel()
    norm = np.linalg.norm(flat)
    return np.asarray(flat / norm if norm else flat, dtype=float)


def distance(one: Crystal, other: Crystal, settings: FingerprintSettings = DEFAULTS) -> float:
    """D between two crystals of one reduced composition, from 0 to 1.

    Raises:
        ValueError: the reduced compositions differ, or a fingerprint is not defined.
    """
    if composition(one[0]) != composition(other[0]):
        msg = "the distance is defined between crystals of one reduced composition"
        raise ValueError(msg)
    return float(distances(vector(one, settings)[None], vector(other, settings)[None])[0, 0])


def distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """D between all pairs of two stacks of vectors: (m, n_features), (n, n_features) -> (m, n)."""
    return np.asarray(np.clip(0.5 * (1.0 - some @ others.T), 0.0, 1.0))


def _pair_index(first: np.ndarray, second: np.ndarray, n: int) -> np.ndarray:
    """Position of the pair first ≤ second in the upper triangle of n elements, row by row."""
    return np.asarray(first * n - first * (first - 1) // 2 + second - first)


def _smeared(row: np.ndarray, d: np.ndarray, n_pairs: int, settings: FingerprintSettings) -> np.ndarray:
    """Σ δ_σ(R - d) / d² on the grid, per pair of elements: (n_pairs, n_bins).

    Each distance touches only the bins within its tail; bins off the grid fall into a margin.
    """
    n_bins, half = len(settings.grid), int(np.ceil(TAIL * settings.sigma / settings.spacing))
    width = n_bins + 2 * half + 2
    left = np.floor(d / settings.spacing - 0.5).astype(int)
    offset = np.arange(-half + 1, half + 1)
    bins = left[:, None] + offset
    x = ((bins + 0.5) * settings.spacing - d[:, None]) / settings.sigma
    value = np.exp(-0.5 * x * x) / (d * d)[:, None]
    index = row[:, None] * width + np.clip(bins + half, 0, width - 1)
    total = np.bincount(index.ravel(), value.ravel(), minlength=n_pairs * width)
    on_grid = total.reshape(n_pairs, width)[:, half : half + n_bins]
    return np.asarray(on_grid / (settings.sigma * np.sqrt(2 * np.pi)))
