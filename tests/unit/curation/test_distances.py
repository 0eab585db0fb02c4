"""Exact periodic distances, on honest, skewed, tiny and hopeless cells."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestone.structures.distances import min_distance, neighbours
from lodestone.structures.lattices import heights, reduce_cell

LENGTH = st.floats(0.3, 8.0)
SHEAR = st.floats(-0.5, 0.5)
STEPS = st.lists(st.tuples(st.permutations(range(3)), st.integers(-4, 4)), min_size=0, max_size=6)


@st.composite
def cells(draw: st.DrawFn) -> np.ndarray:
    """Cells of moderate shape."""
    a, b, c = draw(LENGTH), draw(LENGTH), draw(LENGTH)
    x, y, z = draw(SHEAR), draw(SHEAR), draw(SHEAR)
    return np.array([[a, 0, 0], [x * a, b, 0], [y * a, z * b, c]])


@st.composite
def crystals(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Cells with one to five atoms anywhere."""
    coordinate = st.floats(-3, 3)
    n_atoms = draw(st.integers(1, 5))
    frac = [[draw(coordinate) for _ in range(3)] for _ in range(n_atoms)]
    return draw(cells()), np.array(frac)


def skewed(cell: np.ndarray, frac: np.ndarray, steps: list) -> tuple[np.ndarray, np.ndarray]:
    """The same crystal in another basis of its lattice."""
    basis = np.eye(3)
    for (a, b, _), k in steps:
        basis[a] += k * basis[b]
    return basis @ cell, frac @ np.rint(np.linalg.inv(basis))


def brute_force(cell: np.ndarray, frac: np.ndarray) -> float:
    """Definition: every atom against every image, so many images that none can be missed."""
    inside = frac - np.floor(frac)
    longest = float(np.linalg.norm(cell, axis=1).min())
    reach = [math.ceil(longest / h) + 1 for h in heights(cell)]
    best = np.inf
    for image in itertools.product(*(range(-n, n + 1) for n in reach)):
        d = np.linalg.norm((inside[None] - inside[:, None] + np.array(image)) @ cell, axis=-1)
        if image == (0, 0, 0):
            np.fill_diagonal(d, np.inf)
        best = min(best, float(d.min()))
    return best


@given(crystals(), STEPS)
@settings(max_examples=60, deadline=None)
def test_min_distance_equals_brute_force_in_any_basis(
    crystal: tuple[np.ndarray, np.ndarray], steps: list
) -> None:
    cell, frac = crystal
    numbers = np.ones(len(frac), dtype=int)
    expected = brute_force(cell, frac)
    assert min_distance(numbers, cell, frac) == pytest.approx(expected, abs=1e-9)
    other_cell, other_frac = skewed(cell, frac, steps)
    tolerance = 1e-12 * np.abs(other_cell).max() * max(1, np.abs(other_frac).max())
    found = min_distance(numbers, other_cell, other_frac)
    assert found == pytest.approx(expected, abs=1e-9 + tolerance)


def test_min_distance_of_known_crystals(crystals: dict) -> None:
    for name, expected in {
        "rocksalt NaCl": 5.64 / 2,
        "fcc Cu": 3.6 / np.sqrt(2),
        "bcc Fe": 2.87 * np.sqrt(3) / 2,
        "fluorite CaF2": 5.46 * np.sqrt(3) / 4,
        "diamond Si": 5.43 * np.sqrt(3) / 4,
        "graphite C": 2.46 / np.sqrt(3),
    }.items():
        assert min_distance(*crystals[name]) == pytest.approx(expected, rel=1e-9)


def test_own_images_count() -> None:
    flat = np.array([[4.0, 0, 0], [0, 0.8, 0], [0, 0, 5.0]])
    assert min_distance(np.array([3]), flat, np.zeros((1, 3))) == pytest.approx(0.8)


def test_coincident_atoms_are_at_zero() -> None:
    frac = np.array([[0.2, 0.3, 0.4], [1.2, -0.7, 0.4]])
    assert min_distance(np.array([3, 8]), np.eye(3) * 4, frac) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("frac", [[[0.0] * 3], [[0.0] * 3, [0.5] * 3], [[np.nan] * 3], [[1e300] * 3]])
def test_degenerate_cells_give_a_number_or_nan(degenerate_cells: list, frac: list) -> None:
    numbers = np.full(len(frac), 8)
    for cell in degenerate_cells:
        found = min_distance(numbers, cell, np.array(frac))
        assert math.isnan(found) or found >= 0


def test_extreme_but_regular_cells_are_exact() -> None:
    frac = np.array([[0.0] * 3, [0.5] * 3])
    for size in (1e-300, 1e-9, 1e9, 1e300):
        found = min_distance(np.array([3, 3]), np.eye(3) * size, frac)
        assert found == pytest.approx(size * np.sqrt(3) / 2)


def test_no_atoms_have_no_distance() -> None:
    assert math.isnan(min_distance(np.array([], dtype=int), np.eye(3), np.empty((0, 3))))


@given(cells(), STEPS)
@settings(max_examples=60, deadline=None)
def test_reduced_cell_spans_the_same_lattice_and_is_short(cell: np.ndarray, steps: list) -> None:
    other, _ = skewed(cell, np.zeros((1, 3)), steps)
    found = reduce_cell(other)
    assert found is not None
    reduced, basis = found
    assert np.array_equal(basis, np.rint(basis))
    assert abs(np.linalg.det(basis)) == pytest.approx(1)
    assert np.allclose(basis @ other, reduced, atol=1e-9 * max(1, np.abs(other).max()))
    lengths = np.linalg.norm(reduced, axis=1)
    for image in itertools.product((-1, 0, 1), repeat=3):
        last = max((k for k in range(3) if image[k]), default=None)
        if last is not None:  # Minkowski's conditions
            assert np.linalg.norm(np.array(image) @ reduced) >= lengths[last] * (1 - 1e-6)


@given(crystals(), st.floats(0.5, 3.0))
@settings(max_examples=30, deadline=None)
def test_neighbours_are_the_pairs_within_the_cutoff(
    crystal: tuple[np.ndarray, np.ndarray], cutoff: float
) -> None:
    cell, frac = crystal
    inside = frac - np.floor(frac)
    reach = [math.ceil(cutoff / h) + 1 for h in heights(cell)]
    expected = []
    for image in itertools.product(*(range(-n, n + 1) for n in reach)):
        d = np.linalg.norm((inside[None] - inside[:, None] + np.array(image)) @ cell, axis=-1)
        if image == (0, 0, 0):
            np.fill_diagonal(d, np.inf)
        expected += d[d < cutoff - 1e-9].tolist()
    found = neighbours(cell, frac, cutoff)[2]
    sure = np.sort(found[found < cutoff - 1e-9])
    assert len(sure) == len(expected)
    assert np.allclose(sure, np.sort(expected), atol=1e-9)


@pytest.mark.parametrize("index", range(11))
def test_neighbours_refuse_what_would_not_fit(degenerate_cells: list, index: int) -> None:
    with pytest.raises(ValueError, match="no neighbour list"):
        neighbours(degenerate_cells[index], np.zeros((1, 3)), 10.0)


def test_neighbours_in_needles() -> None:
    with pytest.raises(ValueError, match="too dense or too large"):
        neighbours(np.diag([1e-9, 1.0, 1e9]), np.zeros((1, 3)), 10.0)
    found = neighbours(np.diag([0.1, 5.0, 1e5]), np.zeros((1, 3)), 1.05)[2]
    assert np.allclose(np.sort(found), np.repeat(np.arange(1, 11) * 0.1, 2))
