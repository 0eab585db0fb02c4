"""Figures: what is drawn, in words a referee can read, and nothing where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from lodestone.columns.schemas import ATTRITION, DISTRIBUTIONS, PARETO, RATES
from lodestone.report.figures.cost import _ticks
from lodestone.report.figures.distributions import bands, counts_figure, distribution_figure
from lodestone.report.figures.hulls import above_hull_figure
from lodestone.report.figures.pareto import OTHER, loss_unit, pareto_figure
from lodestone.report.figures.rates import attrition_figure, rates_figure
from lodestone.report.figures.space_groups import (
    crystal_system,
    crystal_system_figure,
    space_group_figure,
)
from lodestone.report.palette import styles
from lodestone.statistics.distributions import Quantity, distributions
from lodestone.statistics.plan import ArmPlan

ARMS = [
    ArmPlan("unguided", "unguided", None, 0.0),
    ArmPlan("control", "control", None, 0.0),
    ArmPlan("c-s0.1", "guided", "c", 0.1),
    ArmPlan("c-late", "late", "c", 0.1),
]
STYLES = styles(ARMS)


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


EMPTY_CANDIDATES = pl.DataFrame(
    schema={"id": pl.String, "arm": pl.String, "is_representative": pl.Boolean, "e_above_hull": pl.Float64}
    | {"space_group": pl.Int32, "space_group_symbol": pl.String}
)


@pytest.mark.parametrize(
    ("number", "system"),
    [
        *((1, "triclinic"), (2, "triclinic"), (3, "monoclinic"), (15, "monoclinic"), (16, "orthorhombic")),
        *((74, "orthorhombic"), (75, "tetragonal"), (142, "tetragonal"), (143, "trigonal")),
        *((167, "trigonal"), (168, "hexagonal"), (194, "hexagonal"), (195, "cubic"), (230, "cubic")),
    ],
)
def test_crystal_systems_end_where_the_tables_say(number, system):
    assert crystal_system(number) == system


def test_shares_of_crystal_systems_are_those_of_an_arm():
    rows = [("a", "unguided", True, g, "x") for g in (225, 216, 1)] + [("b", "control", True, 225, "x")]
    names = ["id", "arm", "is_representative", "space_group", "space_group_symbol"]
    table = pl.DataFrame(rows, schema=names, orient="row")
    figure = crystal_system_figure(table, STYLES)
    assert [t.name for t in figure.data] == ["unguided (n = 3)", "control (n = 1)"]
    shares = dict(zip(figure.data[0].x, figure.data[0].y, strict=True))
    assert shares["cubic"] == pytest.approx(200 / 3)
    assert sum(shares.values()) == pytest.approx(100)
    bars = space_group_figure(table, STYLES)
    assert list(bars.data[0].y) == ["1 x", "216 x", "225 x"]
    assert list(bars.data[0].x) == [1, 1, 1]
    assert list(bars.data[1].x) == [0, 0, 1]


@pytest.mark.parametrize(
    ("terms", "unit"),
    [
        ([{"unit": "Å³/atom", "distance": "huber"}], "Å³/atom"),
        ([{"unit": "Å³/atom", "distance": "l2"}], "(Å³/atom)²"),
        ([{"unit": "", "distance": "l2"}], ""),
        ([{"unit": "", "distance": None}, {"unit": "Å³/atom", "distance": None}], "mixed units"),
    ],
)
def test_the_loss_has_the_unit_of_its_terms(terms, unit):
    assert loss_unit(terms) == unit


def test_pareto_points_tell_what_they_are():
    rows = [
        ("c", "x/1", "candidate", "unguided", "B2O", 62, True, 0.1, 0.25, 1),
        ("c", "x/2", "candidate", "c-late", "B", None, True, 0.2, 0.2, 2),
        ("c", "oqmd/3", "reference", None, "B", None, True, 0.3, 0.1, 3),
    ]
    table = pl.DataFrame(rows, schema=PARETO, orient="row")
    figure = pareto_figure(table, STYLES, 0.5, unit="Å", arms=["unguided"])
    assert figure.layout.xaxis.title.text == "loss (symmetrised) / Å"
    named = {t.name: t for t in figure.data if t.mode == "markers"}
    assert set(named) == {"references", OTHER, "unguided"}
    told = named["unguided"].text[0] + named["unguided"].hovertemplate
    for part in ("B2O", "space group 62", "unguided", "x/1", "front 1", "Å", "eV/atom"):
        assert part in told
    assert {t.name for t in figure.data if t.mode == "lines"} == {"front 1", "front 2", "front 3"}


def test_neighbour_counts_mark_the_target():
    quantity = Quantity("c", 0, "Co-O coordination", "", [(4.0, 4.0)], {"unguided": [4.0, 5.0]})
    counts = {"unguided": np.array([4, 4, 6])}
    table = distributions([replace(quantity, counts=counts)])
    figure = counts_figure(table, STYLES, [(4.0, 4.0)], 0.5)
    assert dict(zip(figure.data[0].x, figure.data[0].y, strict=True))[4.0] == pytest.approx(200 / 3)
    assert [(s.x0, s.x1) for s in figure.layout.shapes] == [(3.5, 4.5), (4.0, 4.0)]
    assert figure.layout.xaxis.dtick == 1
    assert figure.data[0].name == "unguided (3 atoms)"


def test_the_kernel_density_is_named():
    table = distributions([Quantity("c", 0, "x", "", [(10.0, 10.0)], {"unguided": [9.0, 10.0, 12.0]})])
    figure = distribution_figure(table, STYLES, [(10.0, 10.0)], 1.0)
    (menu,) = figure.layout.updatemenus
    assert [b.label for b in menu.buttons] == ["Gaussian KDE (Silverman)", "histogram"]
    shown = [t for t in figure.data if t.visible is not False]
    assert [t.name for t in shown] == ["unguided (n = 3)", "satisfied (target ± tolerance)"]


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
        lambda: crystal_system_figure(EMPTY_CANDIDATES, STYLES),
    ],
)
def test_nothing_to_draw_gives_no_figure(draw):
    assert draw() is None


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([150.0, 900.0], [100, 200, 500, 1000, 2000, 5000]),
        ([0.5], [0.1, 0.2, 0.5, 1, 2, 5]),
        ([1.0, 1e6], [10.0**k for k in range(7)]),
        ([], []),
    ],
)
def test_ticks_of_costs_are_round(values, ticks):
    assert _ticks(values) == pytest.approx(ticks)
