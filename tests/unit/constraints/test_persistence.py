from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from lodestone.constraints.persistence import (
    SCHEMA,
    assemble,
    is_valid,
    judge_again,
    parsed_constraints,
    relax_rows,
)
from lodestone.energies.estimators.ase.calculator import AseEstimator
from lodestone.energies.guards import Guards
from lodestone.structures import table

VOLUME = {"terms": [{"kind": "volume_per_atom", "target": 11.6}], "combine": 2.0, "satisfied_within": 0.6}


def _rattled(a: float, seed: int) -> Atoms:
    atoms = bulk("Cu", "fcc", a=a, cubic=True)
    atoms.rattle(0.05, seed=seed)
    return atoms


@pytest.fixture(scope="module")
def structures() -> pl.DataFrame:
    """Near the minimum (11.6 Å³), stretched to 13.5 Å³, and overlapping."""
    overlapping = Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 0.5]], cell=np.eye(3) * 3.5, pbc=True)
    return table.from_ase(["near", "far", "bad"], [_rattled(3.6, 0), _rattled(3.78, 1), overlapping])


@pytest.fixture(scope="module")
def measured(structures: pl.DataFrame) -> pl.DataFrame:
    valid = [is_valid(*table.arrays(row)) for row in structures.iter_rows(named=True)]
    reasons = [None if v else "too close" for v in valid]
    return structures.select("id").with_columns(
        pl.Series("valid", valid),
        pl.Series("invalid_reason", reasons, dtype=pl.String),
        pl.Series("v.satisfied", [True, False, True]),
    )


@pytest.fixture(scope="module")
def whole(structures: pl.DataFrame, measured: pl.DataFrame) -> pl.DataFrame:
    estimator = AseEstimator(EMT(), "emt")
    relaxed = relax_rows(structures.filter(measured["valid"]), estimator, Guards(), largest_force=0.05)
    return assemble(structures, measured, relaxed)


def test_one_row_per_structure_in_order_with_the_columns_of_the_table(whole: pl.DataFrame) -> None:
    assert whole["id"].to_list() == ["near", "far", "bad"]
    assert dict(whole.schema) == SCHEMA


def test_energies_fall_and_forces_die(whole: pl.DataFrame) -> None:
    done = whole.head(2)
    assert (done["energy_relaxed"] < done["energy_raw"]).all()
    assert (done["max_force_relaxed"] < 0.05).all()
    assert (done["max_force_raw"] > 0.05).all()
    assert done["relax_converged"].all()


def test_what_is_not_valid_keeps_its_structure_and_its_reason(
    whole: pl.DataFrame, structures: pl.DataFrame
) -> None:
    bad = whole.row(2, named=True)
    assert bad["relax_failure"] == "not valid: too close"
    assert bad["energy_raw"] is None
    assert not bad["relax_converged"]
    assert bad["frac"] == structures.row(2, named=True)["frac"]


def test_persistence_needs_both_ends(whole: pl.DataFrame, measured: pl.DataFrame) -> None:
    found = judge_again(whole, measured, parsed_constraints({"v": VOLUME}), is_valid)
    assert found["v.persistent"].to_list() == [True, False, False]
    assert found["v.relaxed_satisfied"].to_list() == [True, True, False]
    values = found["v.relaxed_values"].to_list()
    assert values[0] == [pytest.approx(11.6, abs=0.3)]
    assert values[2] is None


def test_a_relaxation_that_broke_off_satisfies_nothing(whole: pl.DataFrame, measured: pl.DataFrame) -> None:
    broken = whole.with_columns(relax_failure=pl.lit("atoms 0.1 Å apart"))
    found = judge_again(broken, measured, parsed_constraints({"v": VOLUME}), is_valid)
    assert not found["v.relaxed_satisfied"].any()
    assert not found["v.persistent"].any()


def test_invalid_after_relaxation_satisfies_nothing(whole: pl.DataFrame, measured: pl.DataFrame) -> None:
    found = judge_again(whole, measured, parsed_constraints({"v": VOLUME}), lambda *_: False)
    assert not found["v.relaxed_satisfied"].any()
    assert found["v.relaxed_values"].null_count() == 1  # values are kept, the verdict is not


def test_no_valid_structure_at_all(structures: pl.DataFrame, measured: pl.DataFrame) -> None:
    none = measured.with_columns(valid=pl.lit(value=False))
    empty = relax_rows(structures.clear(), AseEstimator(EMT(), "emt"), Guards())
    found = judge_again(assemble(structures, none, empty), none, parsed_constraints({"v": VOLUME}), is_valid)
    assert found.height == 3
    assert not found["v.persistent"].any()
