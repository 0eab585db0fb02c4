"""Tables about arms of other samplers, against counts made by hand."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from lodestone.report.panels import samplers
from lodestone.statistics.plan import ArmPlan, Plan
from lodestone.statistics.sampler_tables import search, strictness
from lodestone.structures.table import from_arrays

PLAIN = ArmPlan("unguided", "unguided", None, 0.0)


def plan(*arms):
    return Plan("c", "Na-Cl", arms, (), shown_below=0.5)


def test_a_search_is_told_by_its_calls():
    arm = ArmPlan("hunt", "drawn", None, 0.0, sampler="gss")
    rows = pl.DataFrame(
        {
            "failed": [False, False, False, True],
            "estimator_calls": [10, 20, 30, 5],
            "search_converged": [True, True, False, False],
            "search_energy": [-3.0, -4.0, -3.5, None],
            "is_representative": [True, False, True, None],
            "e_above_hull": [0.2, 0.1, 0.9, None],
        }
    )
    plain = rows.select("failed", "is_representative", "e_above_hull")
    (row,) = search({"hunt": rows, "unguided": plain}, plan(PLAIN, arm)).to_dicts()
    assert row == {
        "arm": "hunt",
        "sampler": "gss",
        "n": 4,
        "failed": 1,
        "converged": 2,
        "estimator_calls": 65,
        "calls_per_structure": 16.25,
        "distinct": 2,
        "calls_per_distinct": 32.5,
        "below_hull_cut": 1,
        "calls_per_below_hull_cut": 65.0,
        "lowest_energy": -4.0,
        "lowest_e_above_hull": 0.1,
    }


@pytest.fixture
def salts():
    """Rocksalt as asked; P4/mmm asked where it is cubic; a broken one; one atom of the wrong element."""
    fcc = 2.8 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=float)
    cube, two = 3.3 * np.eye(3), np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    shaken = two + np.array([[0, 0, 0], [0.03, 0.05, 0.02]])
    numbers, swapped = np.array([11, 17]), np.array([11, 11])
    rows = from_arrays(
        ["a", "b", "c", "d"],
        [numbers, numbers, numbers, swapped],
        [fcc, cube, cube, cube],
        [two, two, shaken, two],
    )
    return rows.with_columns(
        pl.Series("asked_space_group", [225, 123, 123, 123], dtype=pl.Int16),
        pl.Series("asked_orbits", ["Na:a Cl:b", "Na:a Cl:d", "Na:a Cl:d", "Na:a Cl:d"]),
        pl.Series("failed", [False, False, True, False]),
    )


def test_strictness_counts_groups_supergroups_and_formulas(salts):
    arm = ArmPlan("strict", "drawn", None, 0.0, sampler="symmetric")
    found = strictness({"strict": salts, "unguided": salts.drop("asked_space_group")}, plan(PLAIN, arm))
    tetragonal, cubic = found.to_dicts()
    assert (cubic["space_group"], cubic["symbol"], cubic["n"]) == (225, "Fm-3m", 1)
    assert (cubic["exact_group"], cubic["supergroup"], cubic["other"]) == (1, 0, 0)
    assert (tetragonal["n"], tetragonal["failed"], tetragonal["exact_formula"]) == (3, 1, 2)
    # the second is cubic, a supergroup; so is the last, of a wrong element; the third is broken
    assert (tetragonal["exact_group"], tetragonal["supergroup"], tetragonal["other"]) == (0, 2, 1)
    assert tetragonal["kept_share"] == pytest.approx(2 / 3)


def test_panels_are_there_only_for_arms_that_need_them(salts):
    arm = ArmPlan("strict", "drawn", None, 0.0, sampler="symmetric")
    tables = {"search": search({}, plan()), "strictness": strictness({"strict": salts}, plan(arm))}
    (panel,) = samplers.panels(SimpleNamespace(statistics=tables))
    assert panel.anchor == "strictness"
    assert "225" in str(panel.tables)
    none = tables | {"strictness": strictness({}, plan())}
    assert list(samplers.panels(SimpleNamespace(statistics=none))) == []
