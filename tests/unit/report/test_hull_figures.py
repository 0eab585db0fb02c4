"""Hulls of one to many elements: what is drawn where, and what it is called."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lodestone.report.figures.hulls import CORNERS, RAISED, hull_figure, stable_phases, tie_lines


def points(rows: list[tuple[str, str, float, float]]) -> pl.DataFrame:
    names = ["kind", "formula", "energy_per_atom", "e_above_hull"]
    table = pl.DataFrame(rows, schema=names, orient="row")
    return table.with_row_index("id").with_columns(pl.col("id").cast(pl.String))


BINARY = points(
    [
        ("reference", "Li", -2.0, 0.0),
        ("reference", "O2", -5.0, 0.0),
        ("reference", "Li2O", -5.0, 0.0),
        ("candidate", "LiO", -4.0, 0.2),
    ]
)
TERNARY = points(
    [
        ("reference", "Co", -7.0, 0.0),
        ("reference", "Li", -2.0, 0.0),
        ("reference", "O2", -5.0, 0.0),
        ("reference", "Li2O", -5.0, 0.0),
        ("reference", "LiCoO2", -7.5, 0.0),
        ("candidate", "CoO", -6.2, 0.2),
        ("candidate", "CoO", -6.0, 0.9),
    ]
)


def test_binary_formation_energies():
    figure = hull_figure(BINARY, ["Li", "O"], 0.5)
    stable = figure.data[0]
    np.testing.assert_allclose(stable.x, [0, 1 / 3, 1])
    np.testing.assert_allclose(stable.y, [0, -5 - (-2 * 2 / 3 - 5 / 3), 0], atol=1e-12)
    np.testing.assert_allclose(figure.data[2].y, [-0.5])
    assert list(stable.text) == ["Li", "Li<sub>2</sub>O", "O<sub>2</sub>"]
    assert figure.layout.yaxis.title.text == "formation energy / eV/atom"


def test_a_binary_without_an_element_has_no_picture():
    table = points([("reference", "Li", -2.0, 0.0), ("candidate", "LiO", -4.0, 0.2)])
    assert hull_figure(table, ["Li", "O"], 0.5) is None


def edges(figure, kind):
    """Lines of a drawing as pairs of places."""
    (path,) = [t for t in figure.data if t.name == "hull" and t.type == kind]
    places = np.array([path.a, path.b, path.c] if kind == "scatterternary" else [path.x, path.y, path.z]).T
    return {
        tuple(sorted((tuple(np.round(p.astype(float), 6)), tuple(np.round(q.astype(float), 6)))))
        for p, q in zip(places[::3], places[1::3], strict=True)
    }


def test_a_ternary_joins_the_phases_that_coexist():
    figure = hull_figure(TERNARY, ["Co", "Li", "O"], 0.5)
    candidate = next(t for t in figure.data if t.marker.symbol == "circle")
    assert (list(candidate.a), list(candidate.b), list(candidate.c)) == ([0.5], [0.0], [0.5])
    assert next(t for t in figure.data if t.mode == "text").text == (
        f"Li<sub>2</sub>O{RAISED}", f"LiCoO<sub>2</sub>{RAISED}",
    )  # fmt: skip
    stable = stable_phases(TERNARY)["formula"].to_list()
    found = {frozenset((stable[i], stable[j])) for i, j in tie_lines(stable_phases(TERNARY))}
    # LiCoO2 lies inside: it borders every other phase; Li2O is on the edge Li-O
    for other in ("Co", "O2", "Li2O"):
        assert frozenset(("LiCoO2", other)) in found
    assert frozenset(("Li", "O2")) not in found
    assert len(edges(figure, "scatterternary")) == len(found)


def test_a_ternary_without_an_element_is_drawn_without_lines():
    table = TERNARY.filter(pl.col("formula") != "Co")
    assert tie_lines(stable_phases(table)) == []
    figure = hull_figure(table, ["Co", "Li", "O"], 0.5)
    assert any(t.type == "scatterternary" and t.mode == "markers" for t in figure.data)


def test_a_quaternary_is_a_tetrahedron():
    rows = [("reference", e, -3.0, 0.0) for e in ("Ca", "Cu", "P", "Si")]
    rows += [("reference", "CuSi", -3.5, 0.0), ("candidate", "CaCuSiP", -3.2, 0.1)]
    rows += [
        ("candidate", "CaCuSiP", -3.0, 0.3),
        ("reference", "CuSi", -3.2, 0.3),
    ]  # hidden by the lower ones
    figure = hull_figure(points(rows), ["Ca", "Cu", "P", "Si"], 0.5)
    drawn = [list(t.marker.color) for t in figure.data if t.mode == "markers" and t.text]
    assert drawn == [[0.1], [0.0] * 5]
    candidate = next(t for t in figure.data if t.mode == "markers" and t.text and "CaCuSiP" in t.text[0])
    np.testing.assert_allclose([candidate.x[0], candidate.y[0], candidate.z[0]], CORNERS.mean(axis=0))
    assert not candidate.showlegend  # the legend would take an energy for a colour
    assert {t.name for t in figure.data if t.showlegend is not False} == {"hull", "candidates", "references"}
    names = next(t for t in figure.data if t.mode == "text")
    assert set(names.text) == {"Ca", "Cu", "P", "Si", "CuSi"}
    at = list(names.text).index("CuSi")
    np.testing.assert_allclose([names.x[at], names.y[at]], (CORNERS[1] + CORNERS[3])[:2] / 2)
    lengths = [np.linalg.norm(a - b) for i, a in enumerate(CORNERS) for b in CORNERS[i + 1 :]]
    np.testing.assert_allclose(lengths, 1.0)
    assert figure.layout.coloraxis.colorbar.title.text == f"e_above_hull / eV/atom{RAISED}"


def test_a_corner_without_a_stable_phase_has_a_name():
    rows = [("reference", e, -3.0, 0.0) for e in ("Ca", "Cu", "P")] + [("candidate", "CaCuSiP", -3.2, 0.1)]
    figure = hull_figure(points(rows), ["Ca", "Cu", "P", "Si"], 0.5)
    named = [name for t in figure.data if t.mode == "text" for name in t.text]
    assert sorted(named) == ["Ca", "Cu", "P", "Si"]


def test_one_element_is_a_ladder():
    table = points(
        [("reference", "B", -6.7, 0.0), ("candidate", "B", -6.5, 0.2), ("candidate", "B", -5.0, 1.7)]
    )
    figure = hull_figure(table, ["B"], 0.5)
    assert [list(t.y) for t in figure.data] == [[-6.7], [-6.5]]
    assert list(figure.layout.xaxis.ticktext) == ["references<br>(n = 1)", "candidates<br>(n = 1)"]
    assert figure.layout.yaxis.title.text == "energy / eV/atom"


def test_five_elements_are_told_by_composition():
    rows = [("reference", "LiO", -5.0, 0.0), ("candidate", "LiCoMnNiO2", -5.0, 0.3)]
    rows += [("candidate", "LiCoMnNiO2", -5.0, 0.1), ("candidate", "LiO", -5.0, 0.05)]
    figure = hull_figure(points(rows), ["Co", "Li", "Mn", "Ni", "O"], 0.5)
    assert figure.layout.yaxis.categoryarray == ("LiCoMnNiO<sub>2</sub>", "LiO")  # the lowest is on top
    assert {t.name: len(t.x) for t in figure.data} == {"references": 1, "candidates": 3}


@pytest.mark.parametrize("elements", [["B"], ["Li", "O"], ["Co", "Li", "O"], list("BCNO"), list("BCNOF")])
def test_nothing_near_the_hull_is_no_picture(elements):
    far = points([("candidate", elements[0], -1.0, 3.0)])
    assert hull_figure(far, elements, 0.5) is None
