"""Two terms at once: one grid, one scale of colours, boxes and points."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lodestone.report.figures.joint import joint_figure
from lodestone.report.palette import styles
from lodestone.statistics.distributions import Quantity
from lodestone.statistics.joint import joint
from lodestone.statistics.plan import ArmPlan

STYLES = styles([ArmPlan("unguided", "unguided", None, 0.0), ArmPlan("c-s0.1", "guided", "c", 0.1)])
GROUPS = ("unguided", "c-s0.1", "references")
TARGETS = (([(4.0, 4.0)], 0.5), ([(10.0, None)], 1.0))


def pair(groups):
    """Table and raw values of two terms, from (n_structures, 2) by group."""
    names = ("coordination", "volume per atom")
    terms = [
        Quantity("c", i, name, unit, TARGETS[i][0], {g: v[:, i].tolist() for g, v in groups.items()})
        for i, (name, unit) in enumerate(zip(names, ("", "Å³/atom"), strict=True))
    ]
    return joint(terms), {g: v.tolist() for g, v in groups.items() if g != "references"}


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(1)
    groups = {
        "unguided": rng.normal([5, 11], 1, (300, 2)),
        "c-s0.1": rng.normal([4, 10], 0.3, (40, 2)),
        "references": rng.normal([6, 9], 1, (50, 2)),
    }
    table, values = pair(groups)
    return table, joint_figure(table, values, TARGETS, GROUPS, STYLES)


def test_maps_share_axes_and_colors(drawn):
    table, figure = drawn
    maps = [t for t in figure.data if t.type == "heatmap"]
    assert len(maps) == 3
    assert {t.coloraxis for t in maps} == {"coloraxis"}
    assert figure.layout.coloraxis.cmin == 0
    assert figure.layout.coloraxis.cmax == pytest.approx(table["density"].max())
    for axis in ("xaxis", "xaxis2", "xaxis3", "yaxis", "yaxis2", "yaxis3"):
        one = figure.layout[axis[:5]]
        assert figure.layout[axis].range == one.range


def test_every_map_is_the_table(drawn):
    table, figure = drawn
    own = table.filter(pl.col("group") == "c-s0.1")
    heat = [t for t in figure.data if t.type == "heatmap"][1]
    for row in own.sample(20, seed=2).iter_rows(named=True):
        i, j = (int(np.argmin(np.abs(np.asarray(heat[a]) - row[a]))) for a in "yx")
        assert np.asarray(heat.z)[i, j] == pytest.approx(row["density"], rel=1e-5)


def test_axes_and_colors_have_units(drawn):
    table, figure = drawn
    texts = [a.text for a in figure.layout.annotations]
    assert "coordination" in texts
    assert "volume per atom / Å³/atom" in texts
    assert figure.layout.coloraxis.colorbar.title.text == "probability density / (Å³/atom)⁻¹"
    inside = table.filter(pl.col("group") == "unguided")["n"][0]
    assert any(text.startswith(f"unguided<br>n = {inside}, {300 - inside} outside") for text in texts)


def test_the_box_is_target_and_tolerance(drawn):
    _, figure = drawn
    boxes = [s for s in figure.layout.shapes if s.line.color == "#222222"]
    assert len(boxes) == 3
    assert {(b.x0, b.x1, b.y0) for b in boxes} == {(3.5, 4.5, 9.0)}
    assert {b.y1 for b in boxes} == {figure.layout.yaxis.range[1]}  # the target is open above


def test_single_structures_are_drawn_where_they_are_few(drawn):
    _, figure = drawn
    points = [t for t in figure.data if t.type == "scatter"]
    assert [len(t.x) for t in points] == [40]


def test_a_group_without_density_shows_its_points():
    groups = {"unguided": np.array([[4.0, 9.0], [5.0, 9.0], [5.0, 9.0]]), "references": np.empty((0, 2))}
    table, values = pair(groups)
    figure = joint_figure(table, values, TARGETS, GROUPS, STYLES)
    assert [t.type for t in figure.data] == ["scatter"]
    assert list(figure.data[0].customdata) == [1, 2]  # two structures lie on one place
    assert "no density" in figure.layout.annotations[0].text
    assert figure.layout.coloraxis.showscale is False


def test_nothing_is_no_figure():
    table, values = pair({"unguided": np.empty((0, 2))})
    assert joint_figure(table, {"unguided": []}, TARGETS, GROUPS, STYLES) is None
    assert not values["unguided"]
