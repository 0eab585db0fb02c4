"""Random crystals: volume, distances, shape, compositions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ase.data import covalent_radii
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestone.sampling.search.options import RandomOptions
from lodestone.sampling.search.random_structure import (
    FLATTEST,
    estimated_volume,
    random_cell,
    random_composition,
    random_structure,
)
from lodestone.structures import table

REFERENCES = Path(__file__).parents[4] / "src" / "lodestone" / "embedded" / "references.parquet"
ELEMENTS = st.lists(st.sampled_from([3, 8, 15, 20, 29, 55]), min_size=1, max_size=10)


@settings(max_examples=40)
@given(numbers=ELEMENTS, seed=st.integers(0, 2**32))
def test_atoms_keep_their_distances_and_the_volume_its_range(numbers: list[int], seed: int) -> None:
    from matscipy.neighbours import neighbour_list

    z, options = np.array(numbers), RandomOptions((0.9, 1.2), 0.7)
    atoms = random_structure(z, options, np.random.default_rng(seed))
    assert atoms.numbers.tolist() == numbers
    factor = atoms.get_volume() / estimated_volume(z)
    # where everything had to give way, distances shrank as often as the volume grew
    given_way = max(1.0, factor / 1.2)
    assert factor >= 0.9 - 1e-9
    i, j, d = neighbour_list("ijd", atoms, 6.0)
    least = 0.7 * (covalent_radii[z[i]] + covalent_radii[z[j]])
    worst = (d / least).min(initial=np.inf)
    assert worst >= 1 - 1e-9 or worst * factor >= 0.9 - 1e-9
    assert given_way < 3


def test_distances_are_never_given_up_where_there_is_room() -> None:
    from matscipy.neighbours import neighbour_list

    z, rng = np.array([3, 27, 8, 8]), np.random.default_rng(5)
    for _ in range(50):
        atoms = random_structure(z, RandomOptions((1.5, 1.6), 0.8), rng)
        i, j, d = neighbour_list("ijd", atoms, 5.0)
        assert (d >= 0.8 * (covalent_radii[z[i]] + covalent_radii[z[j]]) - 1e-9).all()
        assert 1.5 <= atoms.get_volume() / estimated_volume(z) <= 1.6


def test_the_same_generator_gives_the_same_crystal_and_another_a_different_one() -> None:
    z = np.array([29, 8, 8])
    one, same, other = (random_structure(z, RandomOptions(), np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(one.positions, same.positions)
    assert np.array_equal(one.cell.array, same.cell.array)
    assert not np.allclose(one.cell.array, other.cell.array)


@settings(max_examples=50)
@given(volume=st.floats(5, 2000), seed=st.integers(0, 2**32))
def test_cells_have_their_volume_and_are_not_flat(volume: float, seed: int) -> None:
    cell = random_cell(volume, np.random.default_rng(seed))
    assert np.linalg.det(cell) == pytest.approx(volume)
    edges = np.linalg.norm(cell, axis=1)
    assert np.linalg.det(cell) / edges.prod() > FLATTEST - 1e-9
    assert edges.max() / edges.min() < 1.6 / 0.6 + 1e-9


def test_compositions_hold_every_element_and_are_uniform() -> None:
    rng = np.random.default_rng(0)
    drawn = Counter(tuple(random_composition(("Li", "Co", "O"), 5, rng).tolist()) for _ in range(6000))
    assert all(set(z) == {3, 8, 27} for z in drawn)
    assert len(drawn) == 6  # ways to write 5 as three positive summands
    # six bins of 1000: beyond 5 standard deviations in a millionth of all cases
    assert max(abs(n - 1000) for n in drawn.values()) < 5 * np.sqrt(1000 * 5 / 6)


def test_one_element_and_too_many_elements() -> None:
    rng = np.random.default_rng(0)
    assert random_composition(("B",), 3, rng).tolist() == [5, 5, 5]
    with pytest.raises(ValueError, match=r"sampling\.atoms: 2 atoms cannot hold the 3 elements Li-Co-O"):
        random_composition(("Li", "Co", "O"), 2, rng)


def test_estimated_volumes_meet_the_embedded_references_as_said() -> None:
    crystals = [table.arrays(row) for row in table.read_table(REFERENCES).iter_rows(named=True)]
    ratio = np.array([estimated_volume(z) / abs(np.linalg.det(cell)) for z, cell, _ in crystals])
    assert np.sqrt(np.mean((ratio - 1) ** 2)) == pytest.approx(0.23, abs=0.01)
    assert np.quantile(np.abs(ratio - 1), 0.95) == pytest.approx(0.41, abs=0.01)
