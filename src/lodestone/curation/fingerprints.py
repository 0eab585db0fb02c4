"""Fingerprint vectors of many crystals at once: the formula of `fingerprint.py`, some ten times faster.

Distances are binned and the bins smeared in single precision. The
distance D of two vectors made here differs from that of the formula by less than 1e-4, which the
tests and the benchmark measure.

Smearing, from histograms of distances to Σ δ_σ(R - d) / d² on the grid of a fingerprint: a bin with centre
c, width h, count n and first moment m (in units of h) stands for n K(c) + m h K'(c) + n h²/24 K''(c), K(d)
= δ_σ(R - d) / d²: Taylor's series about the centre, its second moment that of distances spread evenly over
the bin.

Histograms count each pair of atoms once. For a pair of atoms with separation b and lattice vectors T the
squared distances are |b|² + |T|² + 2 b·T: one small matrix product per crystal gives all of them. They are
sorted into bins of width h together with their first moment about the centre of the bin, which makes the
smearing of the histogram right to second order in h.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lodestone.curation.fingerprint import SHORTEST, TAIL, FingerprintSettings, vector
from lodestone.structures.crystals import Packed, ragged_arange
from lodestone.structures.distances import MOST_PAIRS, min_distance
from lodestone.structures.lattices import heights_of, reduce_cells

FINENESS = 10  # bins of the histogram per σ
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


BLOCK = 400_000  # distances at a time: their arrays stay in the cache, and the loop costs little
PAIRS = 200_000  # pairs of atoms prepared at a time
FLAW = "no neighbour list: the cell spans no volume or a coordinate is not finite"


@dataclass(frozen=True)
class Prepared:
    """Crystals with the same number of atoms in reduced cells, and what their distances need.

    `cells` (n, 3, 3) in Å, `between` (n, n_pairs, 3) Cartesian separations in Å wrapped into the
    cell, `pair_kinds` (n, n_pairs) and `own_kinds` (n, n_atoms) index the pairs of elements,
    `n_kinds` (n,) counts elements, `reach` (n, 3) counts cells to either side within the cutoff.
    """

    cells: np.ndarray
    between: np.ndarray
    pair_kinds: np.ndarray
    own_kinds: np.ndarray
    n_kinds: np.ndarray
    reach: np.ndarray
    bound: np.ndarray
    """Å; longer lattice vectors bring no distance within the cutoff (n,)."""

    @property
    def cost(self) -> np.ndarray:
        """Distances to be looked at for each crystal, at most (n,)."""
        return np.asarray((self.pair_kinds.shape[1] + 1) * np.prod(2 * self.reach + 1, axis=1))

    def part(self, chosen: slice | np.ndarray) -> Prepared:
        """Some of the crystals."""
        return Prepared(
            self.cells[chosen], self.between[chosen], self.pair_kinds[chosen], self.own_kinds[chosen],
            self.n_kinds[chosen], self.reach[chosen], self.bound[chosen],
        )  # fmt: skip


def reduced(crystals: Packed) -> tuple[Packed, dict[int, str]]:
    """The crystals in reduced cells with coordinates in [0, 1), and why some cannot be treated."""
    cells, steps, sound = reduce_cells(crystals.cells)
    structure = np.repeat(np.arange(len(crystals)), crystals.sizes)
    finite = np.isfinite(crystals.frac).all(axis=1)
    sound[structure[~finite]] = False
    inverse = np.rint(np.linalg.inv(steps))
    frac = np.where(finite[:, None], crystals.frac, 0.0) % 1.0
    frac = np.einsum("ai,aij->aj", frac, inverse[structure])
    found = Packed(crystals.sizes, crystals.numbers, cells, frac - np.floor(frac), crystals.starts)
    failures = {int(i): FLAW for i in np.flatnonzero(~sound)}
    failures |= {int(i): "no fingerprint: no atoms" for i in np.flatnonzero(crystals.sizes == 0)}
    return found, failures


def prepared(crystals: Packed, cutoff: float) -> Prepared:
    """Separations and element pairs of reduced crystals that have the same number of atoms."""
    n, size = len(crystals), int(crystals.sizes[0])
    frac = crystals.frac.reshape(n, size, 3)
    ranks, n_kinds = _ranks(crystals.numbers.reshape(n, size))
    i, j = np.triu_indices(size, 1)
    apart = frac[:, j] - frac[:, i]
    apart -= np.rint(apart)
    between = apart @ crystals.cells
    low, high = np.minimum(ranks[:, i], ranks[:, j]), np.maximum(ranks[:, i], ranks[:, j])
    longest = np.sqrt(np.einsum("npi,npi->np", between, between).max(axis=1, initial=0))
    bound = cutoff + longest
    reach = np.floor(bound[:, None] / heights_of(crystals.cells) + 1e-9)
    return Prepared(
        crystals.cells,
        between,
        pair_index(low, high, n_kinds[:, None]),
        pair_index(ranks, ranks, n_kinds[:, None]),
        n_kinds,
        reach,
        bound,
    )


def pair_index(first: np.ndarray, second: np.ndarray, n: np.ndarray | int) -> np.ndarray:
    """Position of the pair first ≤ second in the upper triangle of n elements, row by row."""
    return np.asarray(first * n - first * (first - 1) // 2 + second - first)


def histograms(crystals: Prepared, width: float, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Histograms of the distances below n_bins · width Å, one row per crystal and element pair.

    Returns:
        The first row of each crystal (n_structures,), its element pairs A ≤ B being in order of
        atomic numbers; counts and first moments of the bins (n_rows, n_bins, 2), the moments in
        units of the bin width.
    """
    n_pairs = crystals.pair_kinds.shape[1]
    images, n_images = _images(crystals)
    n_rows = crystals.n_kinds * (crystals.n_kinds + 1) // 2
    starts, total = np.cumsum(n_rows) - n_rows, int(n_rows.sum())
    squares = _squares(crystals.between, images, n_images)
    near = np.flatnonzero(squares < np.float32((width * n_bins) ** 2))
    scaled = np.sqrt(np.maximum(squares[near], 0)) / np.float32(width)
    row = np.repeat((starts[:, None] + crystals.pair_kinds).ravel(), np.repeat(n_images, n_pairs))[near]
    own, own_row, weight = _own(crystals, images, n_images, starts)
    binned = _binned(scaled, row, None, (total, n_bins))
    binned += _binned(own / np.float32(width), own_row, weight, (total, n_bins))
    return starts, binned


def blocks(cost: np.ndarray, most: int) -> Iterator[slice]:
    """Slices in order whose summed cost stays within `most`, or that hold one entry."""
    start, total = 0, 0
    for i, one in enumerate(cost.tolist()):
        if i > start and total + one > most:
            yield slice(start, i)
            start, total = i, 0
        total += one
    if start < len(cost):
        yield slice(start, len(cost))


def _ranks(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place of each atom's element among those of its crystal, and how many there are."""
    order = np.argsort(numbers, axis=1, kind="stable")
    ordered = np.take_along_axis(numbers, order, 1)
    steps = np.zeros_like(numbers)
    steps[:, 1:] = np.cumsum(ordered[:, 1:] != ordered[:, :-1], axis=1)
    ranks = np.empty_like(numbers)
    np.put_along_axis(ranks, order, steps, 1)
    return ranks, steps[:, -1] + 1


def _images(crystals: Prepared) -> tuple[np.ndarray, np.ndarray]:
    """Lattice vectors in Å within each crystal's bound, one crystal after the other, and how many."""
    sides = (2 * crystals.reach + 1).astype(np.int64)
    sizes = np.prod(sides, axis=1)
    structure = np.repeat(np.arange(len(sizes)), sizes)
    rest, third = np.divmod(ragged_arange(sizes), sides[structure, 2])
    first, second = np.divmod(rest, sides[structure, 1])
    cells, reach = crystals.cells, crystals.reach
    vectors = (first - reach[structure, 0])[:, None] * cells[structure, 0]
    vectors += (second - reach[structure, 1])[:, None] * cells[structure, 1]
    vectors += (third - reach[structure, 2])[:, None] * cells[structure, 2]
    within = np.einsum("ti,ti->t", vectors, vectors) <= crystals.bound[structure] ** 2
    return vectors[within], np.bincount(structure[within], minlength=len(sizes))


def _squares(between: np.ndarray, images: np.ndarray, n_images: np.ndarray) -> np.ndarray:
    """|b + T|² of every pair and image, crystal after crystal, pair after pair, float32."""
    n, n_pairs, _ = between.shape
    lengths = np.einsum("npi,npi->np", between, between)[..., None]
    left = np.concatenate([between, lengths, np.ones((n, n_pairs, 1))], axis=2).astype(np.float32)
    norms = np.einsum("ti,ti->t", images, images)[None]
    right = np.concatenate([2 * images.T, np.ones_like(norms), norms]).astype(np.float32)
    found = np.empty(n_pairs * len(images), dtype=np.float32)
    ends = np.cumsum(n_images).tolist()
    for s, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
        block = found[n_pairs * begin : n_pairs * end].reshape(n_pairs, end - begin)
        np.matmul(left[s], right[:, begin:end], out=block)
    return found


def _own(
    crystals: Prepared, images: np.ndarray, n_images: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances of atoms to their own images: lengths, rows, and how many pairs each stands for.

    Every lattice vector but 0 comes with its opposite, so an atom and its image make half a pair.
    """
    rows, n_atoms = np.unique(starts[:, None] + crystals.own_kinds, return_counts=True)
    structure = np.searchsorted(starts, rows, side="right") - 1
    repeats = n_images[structure]
    first = (np.cumsum(n_images) - n_images)[structure]
    lengths = _lengths(images)[ragged_arange(repeats) + np.repeat(first, repeats)]
    return lengths.astype(np.float32), np.repeat(rows, repeats), np.repeat(n_atoms / 2, repeats)


def _lengths(images: np.ndarray) -> np.ndarray:
    """Lengths of lattice vectors; the one of 0, which links an atom with itself, is infinite."""
    lengths = np.sqrt(np.einsum("ti,ti->t", images, images))
    lengths[lengths == 0] = np.inf
    return np.asarray(lengths)


def _binned(
    scaled: np.ndarray, row: np.ndarray, weight: np.ndarray | None, shape: tuple[int, int]
) -> np.ndarray:
    """Counts and first moments (n_rows, n_bins, 2) of distances in units of the bin width."""
    n_rows, n_bins = shape
    np.minimum(scaled, np.float32(n_bins), out=scaled)
    place = scaled.astype(np.int64)
    offset = scaled - place.astype(np.float32) - np.float32(0.5)
    place += row * (n_bins + 1)  # one more bin per row takes what is out of reach
    length = n_rows * (n_bins + 1)
    found = np.empty((n_rows, n_bins, 2), dtype=np.float32)
    counts = np.bincount(place, weight, minlength=length)
    found[..., 0] = counts.reshape(n_rows, -1)[:, :n_bins]
    moments = np.bincount(place, offset if weight is None else offset * weight, minlength=length)
    found[..., 1] = moments.reshape(n_rows, -1)[:, :n_bins]
    return found


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
