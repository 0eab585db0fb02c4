"""Crystals in flat arrays, their compositions, and their cells reduced together."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.duplicates.synthetic import duplicated_crystals
from lodestone.structures import table
from lodestone.structures.crystals import bucket_labels, composition, join, pack, pack_table, ragged_arange
from lodestone.structures.lattices import heights, heights_of, reduce_cell, reduce_cells

SEEDS = st.integers(0, 2**32 - 1)


def some() -> list:
    crystals = duplicated_crystals(40, 12, seed=3)[0]
    crystals.insert(5, (np.empty(0, dtype=int), np.eye(3), np.empty((0, 3))))
    return [*crystals, (np.array([8, 8, 3, 3, 3, 3]), np.eye(3) * 5, np.random.default_rng(0).random((6, 3)))]


def equal(one: tuple, other: tuple) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_packing_and_tables_give_the_crystals_back() -> None:
    crystals = some()
    names = [str(i) for i in range(len(crystals))]
    rows = table.from_arrays(names, *zip(*crystals, strict=True))
    for found in (pack(crystals), pack_table(rows), pack(pack(crystals))):
        assert len(found) == len(crystals)
        assert all(map(equal, found, crystals))
        chosen = [7, 5, 0, 7]
        assert all(equal(a, crystals[i]) for a, i in zip(found.take(chosen), chosen, strict=True))
        both = join(found.take([1, 5]), found)
        assert all(map(equal, both, [crystals[1], crystals[5], *crystals]))
    assert len(pack([])) == len(pack_table(rows[:0])) == 0


def test_a_row_with_too_few_coordinates_is_refused() -> None:
    rows = table.from_arrays(["a"], [np.array([3, 8])], [np.eye(3)], [np.zeros((2, 3))])
    broken = rows.with_columns(frac=pl.Series([[0.0] * 5], dtype=pl.List(pl.Float64)))
    with pytest.raises(ValueError, match="three coordinates"):
        pack_table(broken)


def test_labels_are_reduced_compositions_by_first_appearance() -> None:
    crystals = some()
    seen: dict = {}
    expected = [seen.setdefault(composition(numbers), len(seen)) for numbers, _, _ in crystals]
    assert bucket_labels(pack(crystals)).tolist() == expected
    assert bucket_labels(pack([])).tolist() == []


def test_ragged_arange() -> None:
    assert ragged_arange(np.array([2, 0, 3])).tolist() == [0, 1, 0, 1, 2]
    assert ragged_arange(np.array([], dtype=int)).tolist() == []


@given(SEEDS)
@settings(max_examples=50, deadline=None)
def test_cells_reduced_together_are_as_short_as_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = rng.normal(size=(8, 3, 3)) * rng.uniform(0.5, 20, size=(8, 1, 1))
    for _ in range(int(rng.integers(0, 6))):
        i, j = rng.permutation(3)[:2]
        cells[:, i] += rng.integers(-5, 6, size=(8, 1)) * cells[:, j]
    reduced, steps, sound = reduce_cells(cells)
    assert sound.all()
    for k, cell in enumerate(cells):
        alone = reduce_cell(cell)
        assert alone is not None
        lengths = [np.sort(np.linalg.norm(c, axis=1)) for c in (reduced[k], alone[0])]
        assert np.allclose(*lengths, rtol=1e-9)
        assert np.allclose(steps[k] @ cell, reduced[k], atol=1e-9 * np.abs(cell).max())
        assert abs(np.linalg.det(steps[k])) == pytest.approx(1)
        assert np.allclose(heights_of(reduced)[k], heights(reduced[k]))


def test_hopeless_cells_are_marked(degenerate_cells: list) -> None:
    reduced, steps, sound = reduce_cells(np.array(degenerate_cells))
    assert not sound[:5].any()
    assert np.isfinite(reduced).all()
    assert np.isfinite(steps).all()
    assert np.array_equal(reduced[0], np.eye(3))
