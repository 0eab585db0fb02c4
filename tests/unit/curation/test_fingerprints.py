"""Fingerprints made together: against the formula, loops, ASE's comparator, and what they must not see."""

from __future__ import annotations

import numpy as np
import pytest
from curation_cases import by_definition, random_crystal, seen_otherwise
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.duplicates.known_pairs import prototypes
from benchmarks.duplicates.synthetic import duplicated_crystals
from lodestone.curation import fingerprints as module
from lodestone.curation.fingerprint import FingerprintSettings, distances, vector
from lodestone.curation.fingerprints import Fingerprints, fingerprints
from lodestone.structures.crystals import bucket_labels, pack

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)
DEFAULT = FingerprintSettings()
VARIED = [
    DEFAULT,
    FingerprintSettings(cutoff=6.0, sigma=0.15, spacing=0.05),
    FingerprintSettings(cutoff=7.3, sigma=0.03, spacing=0.02),
    FingerprintSettings(cutoff=4.0, sigma=1.0, spacing=0.1),
    FingerprintSettings(cutoff=0.8, sigma=0.1),
]
BOUND = 1e-4  # promised error of a distance


def vectors(crystals: list, chosen: FingerprintSettings = DEFAULT) -> list[np.ndarray]:
    found = fingerprints(pack(crystals), chosen)
    assert not found.failures
    return [found.vectors(np.array([i]))[0] for i in range(len(crystals))]


def gap(one: np.ndarray, other: np.ndarray) -> float:
    return float(distances(one[None], other[None])[0, 0])


@pytest.mark.parametrize("chosen", VARIED)
def test_vectors_are_those_of_the_formula(crystals: dict, chosen: FingerprintSettings) -> None:
    everything = list(crystals.values())
    for name, found, crystal in zip(crystals, vectors(everything, chosen), everything, strict=True):
        expected = vector(crystal, chosen)
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        assert gap(found, expected) < 1e-6, name
        assert np.abs(found - expected).max() < 3e-3 * np.abs(expected).max(), name


def test_distances_keep_their_bound_over_many_pairs() -> None:
    crystals, _ = duplicated_crystals(240, 4, parents=12, seed=5)
    found = fingerprints(pack(crystals), DEFAULT)
    exact = [vector(c) for c in crystals]
    worst, spread = 0.0, 0.0
    labels = bucket_labels(pack(crystals))
    for label in range(4):
        bucket = np.flatnonzero(labels == label)
        quick = distances(found.vectors(bucket), found.vectors(bucket))
        slow = distances(np.array([exact[i] for i in bucket]), np.array([exact[i] for i in bucket]))
        worst, spread = max(worst, float(np.abs(quick - slow).max())), max(spread, float(slow.max()))
    assert worst < BOUND
    assert spread > 0.15  # small and large distances were among them


def test_the_definition_in_loops_gives_the_same(crystals: dict) -> None:
    chosen = FingerprintSettings(cutoff=6.0, sigma=0.15, spacing=0.05)
    for name in ("layered LiCoO2", "rutile TiO2", "triclinic Li2CoO3", "fcc Cu", "hcp Mg"):
        numbers = crystals[name][0]
        expected = by_definition(crystals[name], chosen.cutoff, chosen.sigma, chosen.grid)
        counts = np.unique(numbers, return_counts=True)[1]
        a, b = np.triu_indices(len(counts))
        flat = (np.sqrt(counts[a] * counts[b])[:, None] * expected).ravel()
        assert gap(vectors([crystals[name]], chosen)[0], flat / np.linalg.norm(flat)) < 1e-6


def test_distances_agree_with_those_of_ase() -> None:
    from benchmarks.duplicates.trial import ase_distances, ase_pairs

    pairs = ase_pairs(prototypes([("Co", "O")]), 52)
    assert len({i for names, _ in pairs for i in names}) >= 50
    features = vectors([crystal for _, pair in pairs for crystal in pair])
    ours = np.array([gap(features[2 * k], features[2 * k + 1]) for k in range(len(pairs))])
    theirs = ase_distances([pair for _, pair in pairs])
    # ASE bins distances by 0.05 Å and weights with the square of the bin's upper edge
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99
    assert np.abs(ours - theirs).max() < 0.03
    assert np.median(np.abs(ours - theirs)) < 0.01


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_the_same_crystal_seen_otherwise_is_at_zero(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crystal = random_crystal(rng)
    one, other = vectors([crystal, seen_otherwise(crystal, rng)])
    assert gap(one, other) < 1e-6
    assert np.abs(one - other).max() < 2e-3


@given(SEEDS, st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_company_and_blocks_do_not_matter(seed: int, parts: int) -> None:
    rng = np.random.default_rng(seed)
    crystals = [random_crystal(rng) for _ in range(7)]
    together = vectors(crystals)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", 10 ** (parts + 1))
        patch.setattr(module, "PAIRS", parts)
        apart = vectors(crystals[::-1])[::-1]
    for one, other in zip(together, apart, strict=True):
        assert np.abs(one - other).max() < 1e-5


def test_a_crystal_with_very_many_distances_takes_the_direct_way(
    crystals: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = list(crystals.values())
    expected = vectors(everything)
    monkeypatch.setattr(module, "LARGEST", 20_000)
    found = vectors(everything)
    assert max(gap(a, b) for a, b in zip(found, expected, strict=True)) < 1e-6
    assert any(not np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def failed(found: Fingerprints) -> list[int]:
    return sorted(found.failures)


def test_what_has_no_fingerprint_is_named_and_disturbs_nobody(crystals: dict, degenerate_cells: list) -> None:
    copper = crystals["fcc Cu"]
    unfit = [(np.array([3, 8]), cell, np.array([[0.0] * 3, [0.5] * 3])) for cell in degenerate_cells]
    unfit += [
        (np.array([3, 8]), np.eye(3) * 4, np.array([[0.0] * 3, [np.nan, 0, 0]])),
        (np.array([3, 8]), np.eye(3) * 4, np.array([[0.0] * 3, [0.02, 0, 0]])),
        (np.array([3]), np.diag([0.09, 4, 4]), np.zeros((1, 3))),
        (np.empty(0, dtype=int), np.eye(3) * 4, np.empty((0, 3))),
    ]
    mixed = [copper, *(c for one in unfit for c in (one, copper))]
    found = fingerprints(pack(mixed), DEFAULT)
    empty = [i for i, (numbers, cell, frac) in enumerate(mixed) if fails(numbers, cell, frac)]
    assert failed(found) == empty
    assert {i % 2 for i in failed(found)} == {1}
    assert "0.08 Å apart" in found.failures[2 * len(unfit) - 5]
    assert "0.09 Å apart" in found.failures[2 * len(unfit) - 3]
    assert "no atoms" in found.failures[2 * len(unfit) - 1]
    assert "no neighbour list" in found.failures[1]
    # equal to rounding alone: where a row begins decides how vector units add it up
    alone = fingerprints(pack([copper]), DEFAULT).vectors(np.array([0]))
    rounding = 4 * np.finfo(alone.dtype).eps * np.abs(alone).max()
    for i in range(0, len(mixed), 2):
        assert np.abs(found.vectors(np.array([i])) - alone).max() <= rounding


def fails(numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> bool:
    """Whether the formula has no answer either."""
    if not len(numbers):
        return True
    try:
        vector((numbers, cell, frac))
    except ValueError:
        return True
    return False


def test_nothing_is_nothing() -> None:
    found = fingerprints(pack([]), DEFAULT)
    assert (len(found.rows), found.failures) == (0, {})
