"""Fingerprint vectors of many crystals at once: the formula of `fingerprint.py`, some ten times faster.

Distances are binned and the bins smeared (`histograms.py`, `smearing.py`) in single precision. The
distance D of two vectors made here differs from that of the formula by less than 1e-4, which the
tests and the benchmark measure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lodestone.curation.fingerprint import SHORTEST, FingerprintSettings, vector
from lodestone.curation.histograms import BLOCK, PAIRS, Prepared, blocks, histograms, prepared, reduced
from lodestone.curation.packed import Packed
from lodestone.curation.smearing import Smearing, smearing
from lodestone.structures.distances import MOST_PAIRS, min_distance

LARGEST = 2_000_000  # distances of one crystal; beyond, a neighbour list costs less memory


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprint vectors of crystals of any compositions, and why some crystals have none.

    `rows` (n_rows, n_radii) float32 holds the crystals' vectors one behind the other: crystal s
    has `n_rows[s]` rows from `starts[s]` on, one per pair of elements; a failed one has zeros.
    """

    rows: np.ndarray
    starts: np.ndarray
    n_rows: np.ndarray
    failures: dict[int, str]

    def vectors(self, chosen: np.ndarray) -> np.ndarray:
        """Vectors (n_chosen, n_features) of crystals of one reduced composition."""
        if not len(chosen):
            return np.empty((0, 0), dtype=np.float32)
        width = int(self.n_rows[chosen[0]])
        rows = self.starts[chosen][:, None] + np.arange(width)
        return self.rows[rows].reshape(len(chosen), -1)


def fingerprints(crystals: Packed, settings: FingerprintSettings) -> Fingerprints:
    """Fingerprint vectors of crystals, of any compositions."""
    smear = smearing(settings.cutoff, settings.sigma, settings.spacing)
    inside, failures = reduced(crystals)
    n_rows = _row_counts(crystals)
    starts = np.cumsum(n_rows) - n_rows
    rows = np.zeros((int(n_rows.sum()), smear.n_radii), dtype=np.float32)
    found = Fingerprints(rows, starts, n_rows, failures)
    fit = np.array([i not in failures for i in range(len(crystals))], dtype=bool)
    for size in np.unique(crystals.sizes[fit]).tolist():
        members = np.flatnonzero(fit & (crystals.sizes == size))
        at_once = max(1, PAIRS // (size * size))
        for start in range(0, len(members), at_once):
            _fill(found, crystals, inside, members[start : start + at_once], settings)
    return found


def _fill(
    found: Fingerprints, crystals: Packed, inside: Packed, members: np.ndarray, settings: FingerprintSettings
) -> None:
    """Write the vectors of crystals with the same number of atoms into `found`."""
    smear = smearing(settings.cutoff, settings.sigma, settings.spacing)
    with np.errstate(over="ignore"):  # absurd cells are large, and the direct way refuses them by name
        ready = prepared(inside.take(members), smear.n_bins * smear.width)
        volumes = np.abs(np.linalg.det(ready.cells / settings.cutoff))
        large = (ready.cost > LARGEST) | (volumes > MOST_PAIRS)
    for i in members[large].tolist():
        _fill_directly(found, crystals, i, settings)
    ready, members = ready.part(~large), members[~large]
    for chosen in blocks(np.maximum(ready.cost, smear.n_bins), BLOCK):
        part, who = ready.part(chosen), members[chosen]
        rows, close = _vectors(part, smear)
        places = np.concatenate([np.arange(found.n_rows[i]) + found.starts[i] for i in who])
        found.rows[places] = rows
        for i in who[close].tolist():
            shortest = min_distance(*crystals[i])
            if shortest < SHORTEST:
                found.failures[i] = too_close(shortest)


def too_close(distance: float) -> str:
    """Why a crystal has no fingerprint; `distance` in Å."""
    return f"no fingerprint: two atoms are {distance:.2g} Å apart"


def _fill_directly(found: Fingerprints, crystals: Packed, i: int, settings: FingerprintSettings) -> None:
    try:
        values = vector(crystals[i], settings).astype(np.float32)
    except ValueError as error:
        found.failures[i] = str(error)
    else:
        places = slice(found.starts[i], found.starts[i] + found.n_rows[i])
        found.rows[places] = values.reshape(-1, found.rows.shape[1])


def _vectors(part: Prepared, smear: Smearing) -> tuple[np.ndarray, np.ndarray]:
    """√w_AB F_AB over its norm, as rows (n_rows, n_radii), and which crystals may have atoms too close."""
    starts, binned = histograms(part, smear.width, smear.n_bins)
    touched = binned[:, : int(np.ceil(SHORTEST / smear.width)) + 1, 0].any(axis=1)
    structure, first, second = _row_elements(part.n_kinds)
    counts = _element_counts(part)
    n_a, n_b = counts[structure, first], counts[structure, second]
    both = np.where(first == second, 2.0, 1.0)  # of like atoms each pair stands for two ordered ones
    volume = np.abs(np.linalg.det(part.cells))[structure]
    scale = both * volume / (4 * np.pi * n_a * n_b)
    rows = smear(binned) * scale.astype(np.float32)[:, None] - 1
    rows *= np.sqrt(n_a * n_b).astype(np.float32)[:, None]
    squares = np.add.reduceat(np.einsum("ri,ri->r", rows, rows), starts)
    norm = np.sqrt(np.where(squares > 0, squares, 1)).astype(np.float32)
    return rows / norm[structure, None], np.logical_or.reduceat(touched, starts)


def _row_elements(n_kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Crystal, first and second element (by rank) of every row, as `histograms` orders them."""
    triangles = {n: np.triu_indices(n) for n in np.unique(n_kinds).tolist()}
    first = np.concatenate([triangles[n][0] for n in n_kinds.tolist()])
    second = np.concatenate([triangles[n][1] for n in n_kinds.tolist()])
    return np.repeat(np.arange(len(n_kinds)), n_kinds * (n_kinds + 1) // 2), first, second


def _element_counts(part: Prepared) -> np.ndarray:
    """Atoms of each element by rank (n, largest number of elements)."""
    n, most = len(part.n_kinds), int(part.n_kinds.max())
    diagonal = np.arange(most) * part.n_kinds[:, None] - np.arange(most) * (np.arange(most) - 1) // 2
    found = np.zeros((n, most))
    for k in range(most):
        found[:, k] = (part.own_kinds == diagonal[:, k : k + 1]).sum(axis=1) * (k < part.n_kinds)
    return found


def _row_counts(crystals: Packed) -> np.ndarray:
    """Rows of each crystal: pairs A ≤ B of its elements (n_structures,)."""
    structure = np.repeat(np.arange(len(crystals)), crystals.sizes)
    kinds = np.unique(np.stack([structure, crystals.numbers], axis=1), axis=0)[:, 0]
    n_kinds = np.bincount(kinds, minlength=len(crystals))
    return np.asarray(n_kinds * (n_kinds + 1) // 2)
