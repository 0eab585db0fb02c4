"""The estimator's error is stated in its figures, with the interval where it is known."""

from __future__ import annotations

import polars as pl
import pytest

from lodestone.report.figures.estimator import (
    distance_figure,
    distance_table,
    error_row,
    parity_figure,
    parity_table,
)

REFERENCES = pl.DataFrame(
    {
        "id": ["a", "b", "c"],
        "formula": ["Li"] * 3,
        "source": ["x", "y", "x"],
        "energy_per_atom": [-1.0, -2.0, None],
        "e_above_hull": [0.0, 0.1, 0.2],
    }
)
ENERGIES = pl.DataFrame({"id": ["a", "b", "c"], "energy_per_atom": [-1.1, -1.7, -3.0]})
HULL = pl.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "kind": ["reference"] * 3 + ["candidate"],
        "e_above_hull": [0.0, 0.3, None, 1.0],
    }
)
ERRORS = pl.DataFrame(
    {
        "quantity": ["energy_per_atom", "energy_per_atom", "e_above_hull"],
        "elements": ["1", "all", "all"],
        "n": [2, 2, 2],
        **{f"mae{part}": [9.0, value, 0.1] for part, value in (("", 0.2), ("_low", 0.1), ("_high", 0.3))},
        **{f"rmse{part}": [9.0, value, 0.2] for part, value in (("", 0.25), ("_low", 0.2), ("_high", 0.4))},
        **{f"bias{part}": [9.0, value, 0.1] for part, value in (("", -0.1), ("_low", -0.2), ("_high", 0.05))},
    }
)


def test_only_references_with_both_energies_are_drawn():
    table = parity_table(REFERENCES, ENERGIES)
    assert table["id"].to_list() == ["a", "b"]
    figure = parity_figure(table)
    assert [t.name for t in figure.data] == ["x (n = 1)", "y (n = 1)", "equal"]
    assert {t.marker.symbol for t in figure.data[:2]} == {"circle", "square"}


def test_the_error_of_the_points_is_told_where_no_other_is_known():
    said = parity_figure(parity_table(REFERENCES, ENERGIES)).layout.annotations[0].text
    assert said == "n = 2; eV/atom:<br>MAE 0.200<br>RMSE 0.224<br>bias +0.100"


def test_the_error_on_record_comes_with_its_interval():
    row = error_row(ERRORS, "energy_per_atom")
    said = parity_figure(parity_table(REFERENCES, ENERGIES), row).layout.annotations[0].text
    assert "MAE 0.200 (95 %: 0.100 to 0.300)" in said
    assert "bias -0.100 (95 %: -0.200 to +0.050)" in said


def test_errors_against_the_distance_to_the_hull():
    table = distance_table(REFERENCES, HULL)
    assert table.select("id", "own", "estimated").rows() == [("a", 0.0, 0.0), ("b", 0.1, 0.3)]
    figure = distance_figure(table, error_row(ERRORS, "e_above_hull"))
    assert [list(t.y) for t in figure.data] == [[0.0], [pytest.approx(0.2)]]
    assert figure.layout.yaxis.title.text == "error of e_above_hull / eV/atom"
    assert figure.layout.annotations[0].text.startswith("n = 2")


@pytest.mark.parametrize("errors", [None, pl.DataFrame(), ERRORS.filter(pl.col("n") > 5)])
def test_no_error_on_record_is_an_empty_row(errors):
    assert error_row(errors, "energy_per_atom") == {}


def test_nothing_to_compare_is_no_figure():
    assert parity_figure(parity_table(REFERENCES[:0], ENERGIES)) is None
    assert distance_figure(distance_table(REFERENCES[:0], HULL), {}) is None
    assert distance_figure(distance_table(REFERENCES.drop("e_above_hull"), HULL), {}) is None
