"""The candidate table and tables as text."""

from __future__ import annotations

import math

import polars as pl
import pytest

from lodestone.statistics.candidates import TableMismatchError, join_arm, join_hull, stack
from lodestone.structures.table import to_tsv

SAMPLES = pl.DataFrame({"id": ["a", "b"], "numbers": [[1], [2]], "failed": [False, True]})


def test_structures_of_stages_keep_their_own_names():
    symmetrized = pl.DataFrame({"id": ["a", "b"], "numbers": [[3], [4]], "space_group": [225, None]})
    relaxed = pl.DataFrame({"id": ["a", "b"], "numbers": [[5], [6]]})
    found = join_arm("unguided", SAMPLES, {"relaxed": relaxed, "symmetrized": symmetrized})
    assert found.columns == ["id", "numbers", "failed", "relaxed_numbers", "sym_numbers", "space_group"]
    assert found["numbers"].to_list() == [[1], [2]]


def test_rows_in_another_order_are_joined_by_id():
    found = join_arm("x", SAMPLES, {"energy": pl.DataFrame({"id": ["b", "a"], "energy": [2.0, 1.0]})})
    assert found["energy"].to_list() == [1.0, 2.0]


@pytest.mark.parametrize("ids", [["a"], ["a", "c"], ["a", "b", "b"], []])
def test_a_table_of_other_structures_is_refused(ids):
    table = pl.DataFrame({"id": pl.Series(ids, dtype=pl.String)})
    with pytest.raises(TableMismatchError, match=r"arm x: table 'energy' .* rerun"):
        join_arm("x", SAMPLES, {"energy": table})


def test_nothing_is_lost_without_a_hull():
    hull = pl.DataFrame({"id": ["b", "r"], "kind": ["candidate", "reference"], "e_above_hull": [0.1, 0.0]})
    found = join_hull(stack({"x": SAMPLES}), hull)
    assert found["id"].to_list() == ["a", "b"]
    assert found["e_above_hull"].to_list() == [None, 0.1]
    assert "kind" not in found.columns


def test_text_says_missing_in_words():
    table = pl.DataFrame(
        {
            "p": [None, math.nan, math.inf, 1e-20],
            "n": [1, None, 3, 4],
            "flag": [True, False, None, True],
            "note": ["a\tb\nc", None, "", "d"],
        }
    )
    assert to_tsv(table).splitlines() == [
        "p\tn\tflag\tnote",
        "not defined\t1\ttrue\ta b c",
        "not defined\tnot defined\tfalse\t-",
        "not defined\t3\tnot defined\t",
        "1e-20\t4\ttrue\td",
    ]
