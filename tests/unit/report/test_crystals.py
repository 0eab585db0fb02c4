"""Crystals as the page holds them: exact, and enlarged to the conventional cells of spglib."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
import spglib

from lodestone.report.viewer import CONVENTIONAL, arrays_of, centrings

CRYSTALS = {
    "P": (221, np.diag([4.1, 4.1, 4.1]), [[0, 0, 0]], [55]),
    "F": (225, np.diag([5.6, 5.6, 5.6]), [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]], [29] * 4),
    "I": (229, np.diag([2.9, 2.9, 2.9]), [[0, 0, 0], [0.5, 0.5, 0.5]], [26] * 2),
    "C": (65, np.diag([3.0, 4.0, 5.0]), [[0, 0, 0], [0.5, 0.5, 0]], [40] * 2),
    "A": (
        38,
        np.diag([3.0, 4.0, 5.0]),
        [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.3], [0.5, 0.5, 0.8]],
        [8, 8, 9, 9],
    ),
    "R": (
        166,
        np.array([[3.0, 0, 0], [-1.5, 1.5 * 3**0.5, 0], [0, 0, 9.0]]),
        [[0, 0, 0], [2 / 3, 1 / 3, 1 / 3], [1 / 3, 2 / 3, 2 / 3]],
        [33] * 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("letter", CRYSTALS)
def test_rows_make_the_conventional_cell_of_spglib(letter):
    number, cell, frac, numbers = CRYSTALS[letter]
    crystal = (cell, frac, numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = spglib.get_symmetry_dataset(crystal)
        primitive, _, atoms = spglib.standardize_cell(crystal, to_primitive=True)
        conventional, _, all_atoms = spglib.standardize_cell(crystal, to_primitive=False)
    assert (found.number, found.international[0]) == (number, letter)
    rows = np.array(CONVENTIONAL[letter])
    assert np.allclose(rows @ primitive, conventional, atol=1e-8)
    assert round(np.linalg.det(rows)) == len(all_atoms) / len(atoms)


def frame(rows, symbols):
    schema = {
        "sym_numbers": pl.List(pl.Int16), "sym_cell": pl.Array(pl.Float64, 9), "sym_frac": pl.List(pl.Float64)
    }  # fmt: skip
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return table.with_columns(pl.Series("space_group_symbol", symbols, dtype=pl.String))


def test_numbers_are_exact_and_missing_structures_are_empty():
    random = np.random.default_rng(0)
    cell, frac = random.random((2, 9)) * 9, [random.random(6), random.random(3)]
    rows = [([27, 8], cell[0], frac[0]), (None, None, None), ([3], cell[1], frac[1])]
    found = arrays_of(frame(rows, ["Fm-3m", None, "P1"]))
    assert np.frombuffer(found["sizes"], "<u2").tolist() == [2, 0, 1]
    assert np.frombuffer(found["numbers"], "u1").tolist() == [27, 8, 3]
    cells = np.frombuffer(found["cells"], "<f8").reshape(3, 9)
    assert np.array_equal(cells, [cell[0], np.zeros(9), cell[1]])
    assert np.array_equal(np.frombuffer(found["fracs"], "<f8"), np.concatenate(frac))


def test_nothing_at_all():
    assert set(arrays_of(frame([], [])).values()) == {b""}
    assert arrays_of(frame([(None, None, None)], [None]))["fracs"] == b""


def test_centring_is_that_of_the_symbol_or_primitive():
    table = frame([(None, None, None)] * 4, ["Fm-3m", None, "R-3m", "Xyz"])
    assert centrings(table) == "FPRP"
