"""What the browser is given: every distinct candidate, no NaN, the error beside each energy."""

from __future__ import annotations

import json
import math

import polars as pl
import pytest

from lodestone.report.candidates import candidate_data, distinct
from lodestone.report.hull_error import hull_error, with_error
from lodestone.report.settings_view import flat
from lodestone.report.viewer import HULL, VOLUME, loss_of, viewer_settings

ERROR = {
    "quantity": "e_above_hull",
    "elements": "all",
    "n": 9,
    "rmse": 0.03,
    "rmse_low": 0.02,
    "rmse_high": 0.05,
}


@pytest.fixture(scope="module")
def summary(campaign):
    return json.loads((campaign / "statistics" / "summary.json").read_text())


@pytest.fixture(scope="module")
def candidates(campaign):
    return pl.read_parquet(campaign / "candidates.parquet")


def test_every_representative_is_there_and_the_best_come_first(candidates):
    rows = distinct(candidates)
    assert rows.height == candidates["is_representative"].sum()
    ranked = rows["best_rank"].drop_nulls().to_list()
    assert rows["best_rank"].head(len(ranked)).to_list() == sorted(ranked) == list(range(1, len(ranked) + 1))


def test_columns_are_as_in_the_table_and_json(candidates, summary):
    rows = distinct(candidates).with_columns(
        pl.when(pl.int_range(pl.len()) == 0).then(math.nan).otherwise("e_above_hull").alias("e_above_hull")
    )
    found = candidate_data(rows, summary, {}, None)
    json.dumps(found, allow_nan=False)
    assert found["columns"]["e_above_hull"][0] is None
    assert found["columns"]["e_above_hull"][1:] == pytest.approx(rows["e_above_hull"][1:].to_list(), abs=1e-6)
    assert found["columns"]["id"] == rows["id"].to_list()
    assert found["constraints"][0]["satisfied"] == rows["co_o_4.satisfied"].to_list()
    assert found["constraints"][0]["pairs"] == []
    assert found["constraints"][1]["unit"] == "Å³/atom"
    volumes = [v[0] for v in rows["volume.processed_values"].to_list()]
    assert found["columns"]["volume_per_atom"] == pytest.approx(volumes, abs=1e-5)
    assert "p_metastable" not in found["columns"]


def test_the_map_falls_back_where_a_quantity_is_unknown(candidates):
    rows = distinct(candidates)
    axes = [viewer_settings(table, ["co_o_4"], "x")["settings"]["map"] for table in (
        rows,
        rows.with_columns(pl.lit(None, pl.Float64).alias("e_above_hull")),
        rows.with_columns(pl.lit(None, pl.Float64).alias("co_o_4.processed_loss")),
    )]  # fmt: skip
    loss = loss_of("co_o_4")
    assert [(a["x"]["property"], a["y"]["property"]) for a in axes] == [
        (loss, HULL),
        (loss, VOLUME),
        (HULL, VOLUME),
    ]
    assert (
        viewer_settings(rows.with_columns(pl.lit(None, pl.List(pl.Int16)).alias("sym_numbers")), [], "x")
        is None
    )


def test_the_error_is_the_one_of_all_references():
    table = pl.DataFrame([ERROR, ERROR | {"elements": "2", "rmse": 9.0}])
    found = hull_error(table)
    assert with_error(0.1234, found) == "0.123 ± 0.030"
    assert "0.030 (0.020 to 0.050) eV/atom over 9 references" in found.words()


@pytest.mark.parametrize("change", [{"rmse": None}, {"rmse": math.nan}, {"quantity": "energy_per_atom"}])
def test_an_error_that_is_not_known_is_not_shown(change):
    schema = {"rmse": pl.Float64}
    assert hull_error(pl.DataFrame([ERROR | change], schema_overrides=schema)) is None
    assert hull_error(None) is None
    assert with_error(0.1, None) == "0.100"
    assert with_error(None, None) == "not defined"


def test_settings_are_listed_by_their_full_keys():
    record = {"a": {"b": [1, 2], "c": [{"d": None}, {"d": "x"}]}, "e": {}}
    assert list(flat(record)) == [("a.b", [1, 2]), ("a.c[1].d", None), ("a.c[2].d", "x"), ("e", {})]
