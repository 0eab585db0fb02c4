"""The fingerprint against its definition, and what it must not see."""

from __future__ import annotations

import math

import numpy as np
import pytest
from curation_cases import by_definition, random_crystal, seen_otherwise
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestone.curation.fingerprint import FingerprintSettings, distance, fingerprint, vector, weights
from lodestone.structures.crystals import composition

SEEDS = st.integers(0, 2**32 - 1)
QUICK = FingerprintSettings(cutoff=6.0, sigma=0.15, spacing=0.05)


def test_fingerprint_of_real_crystals_equals_its_definition(crystals: dict) -> None:
    assert len(crystals) >= 20
    for name, crystal in crystals.items():
        found = fingerprint(crystal, QUICK)
        expected = by_definition(crystal, QUICK.cutoff, QUICK.sigma, QUICK.grid)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < 2e-4 * np.abs(expected).max(), name


def test_default_settings_on_one_crystal(crystals: dict) -> None:
    crystal = crystals["layered LiCoO2"]
    defaults = FingerprintSettings()
    assert (defaults.grid[0], defaults.grid[-1]) == pytest.approx((0.025, 9.975))
    expected = by_definition(crystal, 10.0, 0.1, defaults.grid)
    assert np.allclose(fingerprint(crystal), expected, atol=2e-4 * np.abs(expected).max())


def test_first_shell_integrates_to_its_coordination(crystals: dict) -> None:
    crystal = crystals["rocksalt NaCl"]
    fine = FingerprintSettings(cutoff=4.0, sigma=0.1, spacing=0.01)
    unlike = fingerprint(crystal, fine)[1] + 1  # Na-Cl
    density = 1 / abs(np.linalg.det(crystal[1]))
    shell = (fine.grid > 2.2) & (fine.grid < 3.4)
    count = 4 * np.pi * 2.82**2 * density * (unlike[shell] * 0.01).sum()
    assert count == pytest.approx(6, rel=1e-3)


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_the_same_crystal_seen_otherwise_is_at_zero(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crystal = random_crystal(rng)
    other = seen_otherwise(crystal, rng)
    assert np.allclose(fingerprint(crystal, QUICK), fingerprint(other, QUICK), atol=1e-4)
    assert distance(crystal, other, QUICK) < 1e-8


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_distance_is_symmetric_bounded_and_weighted_as_written(seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers, cell, frac = random_crystal(rng)
    other = (numbers, cell * rng.uniform(1.02, 1.3), frac)
    one = (numbers, cell, frac)
    found = distance(one, other, QUICK)
    f, g, w = fingerprint(one, QUICK), fingerprint(other, QUICK), weights(numbers)
    dot = lambda x, y: (w[:, None] * x * y).sum()
    cosine = dot(f, g) / math.sqrt(dot(f, f) * dot(g, g))
    assert found == pytest.approx((1 - cosine) / 2, abs=1e-9)
    assert found == pytest.approx(distance(other, one, QUICK))
    assert 0 < found <= 1


def test_weights_count_unordered_pairs() -> None:
    assert weights(np.array([8, 3, 8, 8])) == pytest.approx(np.array([1, 3, 9]) / 13)


def test_distance_grows_with_distortion(crystals: dict) -> None:
    numbers, cell, frac = crystals["rutile TiO2"]
    direction = np.random.default_rng(0).normal(size=frac.shape)
    found = [
        distance((numbers, cell, frac), (numbers, cell, frac + a * direction)) for a in (0.002, 0.01, 0.04)
    ]
    assert 0 < found[0] < 0.01 < found[2]
    assert found == sorted(found)


def test_polymorphs_differ() -> None:
    from ase.build import bulk

    phases = [bulk("ZnS", "zincblende", a=5.41), bulk("ZnS", "rocksalt", a=5.06)]
    one, other = ((a.numbers, np.array(a.cell), a.get_scaled_positions()) for a in phases)
    assert distance(one, other) > 0.1


def test_other_compositions_are_refused(crystals: dict) -> None:
    with pytest.raises(ValueError, match="one reduced composition"):
        distance(crystals["rocksalt NaCl"], crystals["CsCl"])


def test_composition_is_reduced() -> None:
    assert composition(np.array([8, 3, 3, 8, 8, 8])) == ((3, 1), (8, 2))
    assert composition(np.array([], dtype=int)) == ()


@pytest.mark.parametrize("frac", [[[0.0] * 3, [0.001, 0, 0]], [[0.0] * 3, [np.nan, 0, 0]]])
def test_undefined_fingerprints_raise(frac: list) -> None:
    with pytest.raises(ValueError, match=r"no fingerprint|no neighbour list"):
        fingerprint((np.array([3, 8]), np.eye(3) * 4, np.array(frac)))


def test_vector_is_of_unit_length(crystals: dict) -> None:
    assert np.linalg.norm(vector(crystals["corundum Al2O3"])) == pytest.approx(1)
