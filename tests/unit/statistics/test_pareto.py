"""Pareto ranks against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from lodestone.statistics.pareto import ranks


def brute(values: np.ndarray) -> np.ndarray:
    """Peel off the points that nothing left dominates."""
    found, left, rank = np.zeros(len(values), dtype=int), set(range(len(values))), 0
    while left:
        rank += 1
        front = {
            i
            for i in left
            if not any((values[j] <= values[i]).all() and (values[j] < values[i]).any() for j in left)
        }
        for i in front:
            found[i] = rank
        left -= front
    return found


@pytest.mark.parametrize("seed", range(200))
def test_ranks_are_those_of_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    # few distinct values, so that ties and equal points are common
    values = rng.integers(0, 6, size=(n, 2)) / 4 - 0.5 if seed % 2 else rng.normal(size=(n, 2))
    assert ranks(values).tolist() == brute(values).tolist()


def test_equal_points_share_a_rank() -> None:
    assert ranks(np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 2.0]])).tolist() == [1, 1, 2]


def test_no_points() -> None:
    assert ranks(np.empty((0, 2))).tolist() == []
