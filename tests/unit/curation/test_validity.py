"""What counts as a crystal at all."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lodestone.curation.validity import SCHEMA, ValidityBounds, judge, validity_table
from lodestone.structures import table

NAN = np.full((3, 3), np.nan)


def test_real_crystals_are_valid_with_their_volumes(crystals: dict) -> None:
    for name, volume in {"rocksalt NaCl": 5.64**3 / 8, "fluorite CaF2": 5.46**3 / 12}.items():
        found = judge(*crystals[name])
        assert found.valid
        assert found.volume_per_atom == pytest.approx(volume)


@pytest.mark.parametrize(
    ("cell", "frac", "words"),
    [
        (NAN, [[0, 0, 0]], ["not finite"]),
        (np.eye(3) * 3, [[0, np.inf, 0]], ["not finite"]),
        (np.zeros((3, 3)), [[0, 0, 0]], ["volume", "distance not defined"]),
        (np.eye(3) * 1.5, [[0, 0, 0]], ["volume per atom 3.375 Å³, not within 5 to 40"]),
        (np.eye(3) * 3.5, [[0, 0, 0]], ["volume per atom 42.88"]),
        (np.eye(3) * 3, [[0, 0, 0], [0.1, 0, 0]], ["smallest distance 0.3 Å, not above 1 Å"]),
        (np.diag([0.9, 3, 4]), [[0, 0, 0]], ["smallest distance 0.9 Å"]),
        (np.diag([0.9, 1, 4]), [[0, 0, 0]], ["volume per atom 3.6", "; smallest distance 0.9 Å"]),
        (np.eye(3), np.empty((0, 3)), ["no atoms"]),
    ],
)
def test_every_reason_is_named(cell: np.ndarray, frac: list, words: list[str]) -> None:
    positions = np.array(frac, dtype=float).reshape(-1, 3)
    found = judge(np.full(len(positions), 3), cell, positions)
    assert not found.valid
    assert found.reason is not None
    assert all(word in found.reason for word in words)


def test_bounds_are_parameters() -> None:
    cell, frac = np.eye(3) * 2.5, np.array([[0, 0, 0], [0.3, 0, 0]])
    loose = ValidityBounds(volume_per_atom=(1.0, 40.0), min_distance=0.7)
    assert not judge(np.array([3, 3]), cell, frac).valid
    assert judge(np.array([3, 3]), cell, frac, loose).valid


def test_degenerate_cells_are_judged_not_raised(degenerate_cells: list) -> None:
    for cell in degenerate_cells:
        assert not judge(np.array([3, 8]), cell, np.array([[0.0] * 3, [0.5] * 3])).valid


def test_table_keeps_rows_order_and_marks_failures(crystals: dict) -> None:
    chosen = [crystals["fcc Cu"], (np.array([8]), NAN, np.zeros((1, 3))), crystals["hcp Mg"]]
    structures = table.from_arrays(["b", "c", "a"], *zip(*chosen, strict=True)).with_columns(
        failed=pl.Series([False, False, True]), failure=pl.Series([None, None, "diverged"])
    )
    found = validity_table(structures)
    assert found.schema == pl.Schema(SCHEMA)
    assert found["id"].to_list() == ["b", "c", "a"]
    assert found["valid"].to_list() == [True, False, False]
    assert found["invalid_reason"].to_list() == [None, "not finite", "not generated: diverged"]
    assert found["volume_per_atom"].is_null().to_list() == [False, True, False]
