"""Figures: what is drawn, in words a referee can read, and nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lodestone.report.assets import json_for_script, library
from lodestone.report.figures.distributions import bands, counts_figure, distribution_figure
from lodestone.report.figures.estimator import parity_figure, parity_table
from lodestone.report.figures.hull import above_hull_figure, hull_figure
from lodestone.report.figures.pareto import pareto_figure
from lodestone.report.figures.rates import attrition_figure, rates_figure
from lodestone.report.figures.space_groups import space_group_figure
from lodestone.report.palette import styles
from lodestone.statistics.distributions import Quantity, distributions
from lodestone.statistics.plan import ArmPlan
from lodestone.statistics.schemas import ATTRITION, DISTRIBUTIONS, PARETO, RATES

ARMS = [
    ArmPlan("unguided", "unguided", None, 0.0),
    ArmPlan("control", "control", None, 0.0),
    ArmPlan("c-s0.1", "guided", "c", 0.1),
    ArmPlan("c-late", "late", "c", 0.1),
]
STYLES = styles(ARMS)


def points(rows: list[tuple[str, str, float, float]]) -> pl.DataFrame:
    names = ["kind", "formula", "energy_per_atom", "e_above_hull"]
    table = pl.DataFrame(rows, schema=names, orient="row")
    return table.with_row_index("id").with_columns(pl.col("id").cast(pl.String))


def test_arms_differ_in_color_or_dash():
    looks = {(s.color, s.dash) for s in STYLES.values()}
    assert len(looks) == len(ARMS)
    assert STYLES["c-late"].color == STYLES["c-s0.1"].color


def test_axes_carry_units():
    table = distributions(
        [Quantity("c", 0, "volume per atom", "Å³/atom", [(10.0, 10.0)], {"unguided": [9.0, 10.0, 12.0]})]
    )
    figure = distribution_figure(table, STYLES, [(10.0, 10.0)], 1.0)
    assert figure.layout.xaxis.title.text == "volume per atom / Å³/atom"
    assert "(Å³/atom)⁻¹" in figure.layout.yaxis.title.text
    assert figure.data[0].name == "unguided (n = 3)"


def test_the_band_is_what_satisfies():
    table = distributions([Quantity("c", 0, "x", "", [(10.0, 10.0)], {"unguided": [9.0, 10.0]})])
    band = distribution_figure(table, STYLES, [(10.0, 10.0)], 1.5).layout.shapes[0]
    assert (band.x0, band.x1) == (8.5, 11.5)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(4.0, 6.0)], [(3.5, 6.5)]),
        ([(None, 4.0)], [(0.0, 4.5)]),
        ([(4.0, None)], [(3.5, 9.0)]),
        ([(3.0, 3.0), (6.0, 6.0)], [(2.5, 3.5), (5.5, 6.5)]),
        ([(3.0, 3.0), (4.0, 4.0)], [(2.5, 4.5)]),
    ],
)
def test_bands_are_the_target_and_its_tolerance(spans, expected):
    assert bands(spans, 0.5, (0.0, 9.0)) == expected


def test_several_values_have_a_line_and_a_band_each():
    spans = [(3.0, 3.0), (6.0, 6.0)]
    table = distributions([Quantity("c", 0, "x", "", spans, {"unguided": [3.0, 4.0, 8.0]})])
    shapes = distribution_figure(table, STYLES, spans, 0.5).layout.shapes
    assert sorted((s.x0, s.x1) for s in shapes) == [(2.5, 3.5), (3.0, 3.0), (5.5, 6.5), (6.0, 6.0)]


def test_labels_from_data_are_escaped():
    rows = [("c", "<b>x</b>", "candidate", "unguided", "<i>", 1, True, 0.1, 0.0, 1)]
    figure = pareto_figure(pl.DataFrame(rows, schema=PARETO, orient="row"), STYLES, 0.5)
    text = figure.data[-1].text[0]
    assert "&lt;i&gt;" in text
    assert "<b>x</b>" not in text


def test_the_pareto_line_is_the_first_front():
    rows = [
        ("c", str(i), "candidate", "unguided", "B", 1, True, x, y, rank)
        for i, (x, y, rank) in enumerate([(0.0, 0.4, 1), (0.5, 0.1, 1), (0.6, 0.2, 2), (0.0, 0.9, 2)])
    ]
    figure = pareto_figure(pl.DataFrame(rows, schema=PARETO, orient="row"), STYLES, 0.5)
    (front,) = [t for t in figure.data if t.name == "front 1"]
    assert list(front.x) == [0.0, 0.5]
    (drawn,) = [t for t in figure.data if t.name == "unguided"]
    assert max(drawn.y) <= 0.5


def test_binary_formation_energies():
    table = points(
        [
            ("reference", "Li", -2.0, 0.0),
            ("reference", "O2", -5.0, 0.0),
            ("reference", "Li2O", -5.0, 0.0),
            ("candidate", "LiO", -4.0, 0.2),
        ]
    )
    figure = hull_figure(table, ["Li", "O"], 0.5)
    stable = figure.data[0]
    np.testing.assert_allclose(stable.x, [0, 1 / 3, 1])
    np.testing.assert_allclose(stable.y, [0, -5 - (-2 * 2 / 3 - 5 / 3), 0], atol=1e-12)
    np.testing.assert_allclose(figure.data[2].y, [-0.5])


def test_a_binary_without_an_element_has_no_picture():
    table = points([("reference", "Li", -2.0, 0.0), ("candidate", "LiO", -4.0, 0.2)])
    assert hull_figure(table, ["Li", "O"], 0.5) is None


def test_ternaries_are_drawn_and_quaternaries_are_not():
    table = points([("reference", "LiCoO2", -5.0, 0.0), ("candidate", "CoO", -4.0, 0.2)])
    figure = hull_figure(table, ["Co", "Li", "O"], 0.5)
    candidate = figure.data[0]
    assert (candidate.a[0], candidate.b[0], candidate.c[0]) == (0.5, 0.0, 0.5)
    assert hull_figure(table, ["Co", "Li", "O", "S"], 0.5) is None


def test_parity_states_its_error():
    references = pl.DataFrame(
        {
            "id": ["a", "b", "c"],
            "formula": ["Li"] * 3,
            "source": ["x"] * 3,
            "energy_per_atom": [-1.0, -2.0, None],
        }
    )
    energies = pl.DataFrame({"id": ["a", "b", "c"], "energy_per_atom": [-1.1, -1.7, -3.0]})
    table = parity_table(references, energies)
    assert table["id"].to_list() == ["a", "b"]
    said = parity_figure(table).layout.annotations[0].text
    assert said == "n = 2, mean absolute error 0.200, bias +0.100, largest 0.300 eV/atom"


EMPTY_CANDIDATES = pl.DataFrame(
    schema={"id": pl.String, "arm": pl.String, "is_representative": pl.Boolean, "e_above_hull": pl.Float64}
    | {"space_group": pl.Int32, "space_group_symbol": pl.String}
)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: distribution_figure(pl.DataFrame(schema=DISTRIBUTIONS), STYLES, [(1.0, 1.0)], 1.0),
        lambda: counts_figure(pl.DataFrame(schema=DISTRIBUTIONS), STYLES),
        lambda: rates_figure(pl.DataFrame(schema=RATES), "c", ["unguided"]),
        lambda: attrition_figure(pl.DataFrame(schema=ATTRITION), STYLES),
        lambda: pareto_figure(pl.DataFrame(schema=PARETO), STYLES, 0.5),
        lambda: above_hull_figure(EMPTY_CANDIDATES, STYLES),
        lambda: space_group_figure(EMPTY_CANDIDATES, STYLES),
    ],
)
def test_nothing_to_draw_gives_no_figure(draw):
    assert draw() is None


def test_data_cannot_leave_their_script_element():
    assert "<" not in json_for_script({"a": "</script><script>alert(1)</script>"})
    for name in ("plotly.js", "chemiscope"):
        assert "</script" not in library(name)
