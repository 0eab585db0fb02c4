"""From histograms of distances to Σ δ_σ(R - d) / d² on the grid of a fingerprint.

A bin with centre c, width h, count n and first moment m (in units of h) stands for
n K(c) + m h K'(c) + n h²/24 K''(c), K(d) = δ_σ(R - d) / d²: Taylor's series about the centre, its
second moment that of distances spread evenly over the bin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

FINENESS = 10  # bins of the histogram per σ
TAIL = 5.0  # Gaussians are cut at this many σ, where 6e-7 of the weight is left
OUTPUTS = 20  # radii per block of the banded matrix


@dataclass(frozen=True)
class Band:
    """A block of the banded matrix: bins `inside`, radii `onto`, `matrix` (2 · n_inside, n_onto).

    The rows of the matrix belong to count and moment of the first bin, of the second, and so on.
    """

    inside: slice
    onto: slice
    matrix: np.ndarray


@dataclass(frozen=True)
class Smearing:
    """Turns histograms of bins of `width` Å into values at n_radii radii."""

    width: float
    n_bins: int
    n_radii: int
    bands: tuple[Band, ...]

    def __call__(self, binned: np.ndarray) -> np.ndarray:
        """Σ δ_σ(R - d) / d² (n_rows, n_radii), float32, of counts and moments (n_rows, n_bins, 2)."""
        found = np.empty((len(binned), self.n_radii), dtype=np.float32)
        flat = binned.reshape(len(binned), -1)
        for band in self.bands:
            inside = slice(2 * band.inside.start, 2 * band.inside.stop)
            np.matmul(flat[:, inside], band.matrix, out=found[:, band.onto])
        return found


@lru_cache(maxsize=8)
def smearing(cutoff: float, sigma: float, spacing: float) -> Smearing:
    """The smearing of width σ onto the radii (k + ½) · spacing below the cutoff, all in Å."""
    width = sigma / FINENESS
    n_bins = int(np.ceil((cutoff + TAIL * sigma) / width))
    radii = (np.arange(round(cutoff / spacing)) + 0.5) * spacing
    bands = tuple(
        _band(radii, slice(start, min(start + OUTPUTS, len(radii))), sigma, width, n_bins)
        for start in range(0, len(radii), OUTPUTS)
    )
    return Smearing(width, n_bins, len(radii), bands)


def _band(radii: np.ndarray, onto: slice, sigma: float, width: float, n_bins: int) -> Band:
    low = (radii[onto][0] - TAIL * sigma) / width
    high = (radii[onto][-1] + TAIL * sigma) / width
    inside = slice(max(0, int(np.floor(low))), min(n_bins, int(np.ceil(high)) + 1))
    centres = (np.arange(inside.start, inside.stop) + 0.5)[:, None] * width
    value, first, second = _kernel(radii[onto][None, :] - centres, centres, sigma)
    both = np.stack([value + width**2 / 24 * second, width * first], axis=1)
    return Band(inside, onto, both.reshape(2 * len(value), -1).astype(np.float32))


def _kernel(x: np.ndarray, d: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """δ_σ(R - d) / d² and its first two derivatives in d, at x = R - d."""
    gauss = np.exp(-0.5 * (x / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    g1 = gauss * x / sigma**2
    g2 = gauss * (x**2 / sigma**4 - 1 / sigma**2)
    value = gauss / d**2
    first = g1 / d**2 - 2 * gauss / d**3
    second = g2 / d**2 - 4 * g1 / d**3 + 6 * gauss / d**4
    return value, first, second
