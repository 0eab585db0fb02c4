"""From rows of a pilot to what they say of a strength."""

import numpy as np
import polars as pl
import pytest

from lodestone.inference.intervals import newcombe
from lodestone.pilot.evidence import FEWEST, _medians, evidence, median_rise
from lodestone.pilot.halving import Bounds, out_of_bounds


def rows(n, valid, satisfied=0, energy=0.1, per_lineage=1):
    """The first `valid` rows are valid and have an energy, the first `satisfied` are satisfied."""
    good = [i < valid for i in range(n)]
    return pl.DataFrame(
        {
            "lineage": [i // per_lineage for i in range(n)],
            "valid": good,
            "satisfied": [i < satisfied for i in range(n)],
            "e_above_hull": [energy + 0.001 * (i % 5) if g else None for i, g in enumerate(good)],
        },
        schema_overrides={"e_above_hull": pl.Float64},
    )


def test_counts_are_over_all_structures():
    found = evidence(0.1, rows(20, 10, 15), rows(20, 20), seed=1)
    assert (found.n, found.valid, found.satisfied, found.satisfied_valid) == (20, 10, 15, 10)
    assert found.rate == 0.5


def test_the_fall_in_validity_has_newcombe_s_interval():
    found = evidence(0.1, rows(32, 20), rows(32, 30), seed=1)
    expected = newcombe(30, 32, 20, 32)
    assert found.fall.value == pytest.approx(10 / 32)
    assert (found.fall.low, found.fall.high) == pytest.approx((expected.low, expected.high))


def test_lineages_widen_the_interval():
    mixed = rows(64, 40).with_columns((pl.int_range(pl.len()) // 8).alias("lineage"))
    single, whole = rows(64, 40), mixed
    narrow = evidence(0.1, single, rows(64, 60), seed=1).fall
    wide = evidence(0.1, whole, rows(64, 60), seed=1).fall
    assert wide.value == narrow.value
    assert wide.high - wide.low > narrow.high - narrow.low


def test_few_structures_refuse_nothing_and_many_do():
    bounds = Bounds(worst_validity=0.1, worst_energy=0.1)
    assert out_of_bounds(evidence(0.1, rows(4, 2), rows(4, 4), seed=1), bounds) is None
    assert out_of_bounds(evidence(0.1, rows(200, 100), rows(200, 200), seed=1), bounds)


def test_energies_are_those_of_valid_structures_only():
    candidate = rows(20, 12, energy=0.5).with_columns(
        pl.when(pl.col("valid")).then("e_above_hull").otherwise(9.0).alias("e_above_hull")
    )
    found = evidence(0.1, candidate, rows(20, 20, energy=0.1), seed=1)
    assert found.energy == pytest.approx(0.502, abs=0.002)
    assert found.rise.value == pytest.approx(0.4, abs=0.003)
    assert 0.39 < found.rise.low <= found.rise.high < 0.41


def test_the_interval_of_the_rise_covers_the_truth():
    rng = np.random.default_rng(5)
    hits = 0
    for seed in range(60):
        own = [np.array([x]) for x in rng.normal(0.3, 0.1, 30)]
        base = [np.array([x]) for x in rng.normal(0.1, 0.1, 30)]
        found = median_rise(own, base, seed)
        hits += found.low <= 0.2 <= found.high
    assert hits >= 52  # 57 expected


def test_resampled_medians_are_medians_of_whole_lineages():
    groups = [np.array([1.0, 5.0]), np.array([2.0]), np.array([7.0, 3.0, 4.0])]
    drawn = _medians(groups, np.random.default_rng(2))
    times = np.random.default_rng(2).multinomial(3, [1 / 3] * 3, size=len(drawn))
    for row, median in zip(times[:200], drawn[:200], strict=True):
        assert median == np.median(np.concatenate([np.tile(g, k) for g, k in zip(groups, row, strict=True)]))


def test_too_few_lineages_say_nothing_about_energy():
    few = [np.array([1.0, 1.0])] * (FEWEST - 1)
    many = [np.array([0.0])] * 50
    assert median_rise(few, many, 1).value == 1.0
    assert median_rise(few, many, 1).low is None
    assert median_rise(few + few, many, 1).low == 1.0
    assert median_rise([], many, 1).value is None


def test_nothing_valid_is_out_of_bounds_by_its_validity_alone():
    found = evidence(1.0, rows(40, 0), rows(40, 40), seed=1)
    assert found.energy is found.rise.value is None
    assert "valid structures falls by 1.00" in out_of_bounds(found, Bounds())
