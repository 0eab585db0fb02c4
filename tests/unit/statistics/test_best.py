"""The choice of the best candidates."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lodestone.statistics.best import choose_best, eligible
from lodestone.statistics.plan import plan_from_settings
from lodestone.structures.table import from_arrays

TERM = {"kind": "volume_per_atom", "target": 10.0}


def plan(best=4):
    constraints = {c: {"terms": [TERM], "satisfied_within": 1.0} for c in "ab"}
    settings = {"campaign": "x", "chemical_system": "B", "arms": [], "constraints": constraints}
    return plan_from_settings(settings | {"report": {"best": best}})


def candidates(rows):
    """Rows: satisfied a, satisfied b, rank a, rank b, energy above the hull, element of the second atom."""
    ids = [str(i) for i in range(len(rows))]
    frac = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    numbers = [np.array([5, int(row[5])]) for row in rows]
    table = from_arrays(ids, numbers, [np.eye(3) * 3.0] * len(rows), [frac] * len(rows))
    table = table.rename({c: f"sym_{c}" for c in ("numbers", "cell", "frac")})
    columns = {"valid": True, "passed": True, "is_representative": True}
    found = table.with_columns(
        **{k: pl.lit(v) for k, v in columns.items()}, hull_note=pl.lit(None, pl.String)
    )
    for i, c in enumerate("ab"):
        found = found.with_columns(
            pl.Series(f"{c}.satisfied", [r[i] for r in rows]),
            pl.Series(f"{c}.processed_satisfied", [r[i] for r in rows]),
            pl.Series(f"{c}.pareto_rank", [r[2 + i] for r in rows], dtype=pl.Int32),
            pl.Series(f"{c}.processed_loss", [0.1] * len(rows)),
        )
    return found.with_columns(pl.Series("e_above_hull", [r[4] for r in rows], dtype=pl.Float64))


def chosen(rows, best=4, **change):
    table = candidates(rows).with_columns(**change)
    return choose_best(table, plan(best)).select("id", "best_rank", "best_for").rows()


def test_by_rank_then_by_energy():
    rows = [
        (True, False, 2, None, 0.0, 3),
        (True, False, 1, None, 0.4, 4),
        (True, False, 1, None, 0.1, 5),
    ]
    assert chosen(rows) == [("2", 1, "a"), ("1", 2, "a"), ("0", 3, "a")]


def test_every_constraint_has_its_share():
    rows = [(True, False, 1, None, 0.1 * i, 3 + i) for i in range(4)]
    rows += [
        (False, True, None, 9, 0.5, 6.0),
        (False, True, None, 8, 0.5, 7.0),
        (False, True, None, 7, 0.5, 8.0),
    ]
    assert chosen(rows) == [("0", 1, "a"), ("1", 2, "a"), ("6", 3, "b"), ("5", 4, "b")]


def test_a_constraint_with_too_few_leaves_its_share_to_the_other():
    rows = [(True, False, 1, None, 0.1 * i, 3 + i) for i in range(5)]
    rows += [(False, True, None, 9, 0.5, 20)]
    assert [r[0] for r in chosen(rows)] == ["0", "1", "2", "5"]


def test_the_same_structure_is_listed_once():
    rows = [
        (True, False, 1, None, 0.1, 3),
        (True, False, 1, None, 0.1, 3),
        (False, True, None, 1, 0.1, 3),
    ]
    assert len(chosen(rows)) == 1


def test_a_structure_is_listed_for_what_it_ranks_best_in():
    assert chosen([(True, True, 3, 2, 0.1, 3)]) == [("0", 1, "b")]


def test_without_a_hull_they_come_last():
    rows = [(True, False, None, None, None, 3), (True, False, 5, None, 0.9, 4)]
    assert [r[0] for r in chosen(rows)] == ["1", "0"]


@pytest.mark.parametrize(
    "change",
    [
        {"valid": pl.lit(value=False)},
        {"passed": pl.lit(None, pl.Boolean)},
        {"is_representative": pl.lit(value=False)},
        {"hull_note": pl.lit("quarantined: 2.0 eV/atom below the hull")},
        {"sym_numbers": pl.lit(None, pl.List(pl.Int16))},
    ],
)
def test_what_is_not_eligible(change):
    assert chosen([(True, True, 1, 1, 0.1, 3)], **change) == []


def test_satisfied_before_and_after_symmetrisation():
    table = candidates([(True, True, 1, 1, 0.1, 3)])
    broken = table.with_columns(pl.lit(value=False).alias("a.processed_satisfied"))
    assert eligible(broken, plan())["best_for"].to_list() == ["b"]
