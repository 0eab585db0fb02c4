"""The tables that are really written have the documented columns, and are empty only where they may be."""

from __future__ import annotations

import polars as pl
import pytest
import synthetic

from lodestone.columns.candidates import column_of
from lodestone.columns.schemas import TABLES

pytestmark = pytest.mark.slow

USUAL = synthetic.usual_arms()
CAMPAIGNS = {
    "ordinary": (USUAL, {}),
    "lineages": (USUAL[:4], {"members": 4}),
    "no survivor": (USUAL[:4], {"survivors": False}),
    "failed estimator": (USUAL[:4], {"estimator": False}),
    "no hull": (USUAL[:4], {"hull": False}),
    "one structure": (USUAL[:4], {"n": 1}),
    "nothing generated": (USUAL[:4], {"n": 0}),
    "one arm": (USUAL[:1], {}),
}


@pytest.fixture(scope="module", params=CAMPAIGNS)
def tables(request, analysed, tmp_path_factory):
    arms, oddities = CAMPAIGNS[request.param]
    root = tmp_path_factory.mktemp("results") / "small"
    config = synthetic.settings(arms, synthetic.CONSTRAINTS | synthetic.TWO_TERMS)
    synthetic.build(root, config, **oddities)
    analysed(root, config, root)
    read = {path.stem: pl.read_parquet(path) for path in (root / "statistics").glob("*.parquet")}
    for name, table in read.items():
        head, *lines = (root / "statistics" / f"{name}.tsv").read_text().splitlines()
        assert head.split("\t") == table.columns
        assert len(lines) == table.height
    return read | {"candidates": pl.read_parquet(root / "candidates.parquet")}


def test_columns_are_those_documented(tables):
    assert set(tables) == {*TABLES, "candidates"}
    for name, table in TABLES.items():
        assert dict(tables[name].schema) == table.schema, name
    for name, kind in tables["candidates"].schema.items():
        found = column_of(name)
        assert found is not None, name
        assert found.kind == kind, name


def test_nothing_is_null_that_is_said_never_to_be(tables):
    for name, table in TABLES.items():
        for column, described in table.columns.items():
            if not described.missing:
                assert tables[name][column].null_count() == 0, (name, column)


def test_rates_and_shares_lie_between_their_bounds(tables):
    bounds = [
        *[("rates", "rate", "ci"), ("attrition", "share_of_generated", "ci")],
        *[("diversity", "unique_share", "unique"), ("diversity", "novel_share", "novel")],
        *[("diversity", "sun_rate", "sun"), ("quality", "converged_share", "converged")],
    ]
    for table, value, name in bounds:
        rows = tables[table].drop_nulls(value)
        assert (rows[f"{name}_low"] <= rows[value] + 1e-12).all(), (table, value)
        assert (rows[f"{name}_high"] >= rows[value] - 1e-12).all(), (table, value)


def test_joint_grids_are_one_for_all_groups(tables):
    joint = tables["joint"]
    assert joint["constraint"].unique().to_list() == list(synthetic.TWO_TERMS)
    drawn = joint.drop_nulls("density")
    for (group,), rows in drawn.group_by("group"):
        assert rows.height == 50 * 50, group
        assert rows["note"].null_count() == rows.height
    grids = {tuple(rows["x"].to_list()) for _, rows in drawn.group_by("group", maintain_order=True)}
    assert len(grids) <= 1
    missing = joint.filter(pl.col("density").is_null())
    assert missing["note"].str.starts_with("no density").all()
    assert missing["group"].is_unique().all()
