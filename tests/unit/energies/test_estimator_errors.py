from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lodestone.energies.errors import estimator_errors, probability_below, reference_errors


def _references() -> pl.DataFrame:
    numbers = [[3], [8, 8], [3, 3, 8], [3, 8]]
    own = [-2.0, -5.0, -5.0, -4.5]
    return pl.DataFrame(
        {"id": list("abcd"), "numbers": numbers, "own_energy": own,
         "energy_per_atom": [e + d for e, d in zip(own, (0.1, 0.1, 0.3, -0.1), strict=True)]},
        schema_overrides={"numbers": pl.List(pl.Int16())},
    )  # fmt: skip


def test_errors_by_hand() -> None:
    found = {(r["quantity"], r["elements"]): r for r in estimator_errors(_references()).iter_rows(named=True)}
    all_energies = found["energy_per_atom", "all"]
    assert all_energies["n"] == 4
    assert all_energies["mae"] == pytest.approx(0.15)
    assert all_energies["bias"] == pytest.approx(0.1)
    assert all_energies["rmse"] == pytest.approx(np.sqrt(0.12 / 4))
    assert all_energies["mae_low"] <= 0.15 <= all_energies["mae_high"]
    assert found["energy_per_atom", "1"]["mae"] == pytest.approx(0.1)
    assert found["energy_per_atom", "2"]["n"] == 2


def test_a_common_shift_cancels_in_the_hull() -> None:
    rows = _references().with_columns(pl.col("own_energy").sub(0.7).alias("energy_per_atom"))
    errors = reference_errors(rows)
    assert np.allclose(errors["energy_per_atom"], -0.7)
    assert np.allclose(errors["e_above_hull"], 0.0, atol=1e-9)


def test_probability_is_the_share_of_errors_that_would_do() -> None:
    errors = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    assert probability_below([0.05, None, 1.0, -1.0], errors, 0.1) == [0.6, None, 0.0, 1.0]
    assert probability_below([0.05], np.array([]), 0.1) == [None]


def test_without_own_energies_there_is_nothing_to_say() -> None:
    rows = _references().with_columns(pl.lit(None, dtype=pl.Float64).alias("own_energy"))
    found = estimator_errors(rows)
    assert found.filter(pl.col("elements") == "all")["n"].to_list() == [0, 0]
    assert found["mae"].null_count() == found.height
