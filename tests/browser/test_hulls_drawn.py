"""Hulls of one to five elements: the browser draws them without a word."""

from __future__ import annotations

import polars as pl
import pytest

from lodestone.report.figures.hulls import hull_figure

SYSTEMS = (("B",), ("Li", "O"), ("Co", "Li", "O"), ("Ca", "Cu", "P", "Si"), ("Co", "Li", "Mn", "Ni", "O"))


def points(elements):
    """Every element, and a compound and two candidates of all of them."""
    whole = "".join(elements)
    rows = [("reference", element, -3.0, 0.0) for element in elements]
    rows += [("reference", whole, -3.5, 0.0)] if len(elements) > 1 else []
    rows += [("candidate", whole, -3.4, 0.1573623205934247), ("candidate", whole, -3.1, 0.4)]
    names = ["kind", "formula", "energy_per_atom", "e_above_hull"]
    table = pl.DataFrame(rows, schema=names, orient="row").with_row_index("id")
    return table.with_columns(pl.col("id").cast(pl.String))


@pytest.mark.parametrize("elements", SYSTEMS, ids="-".join)
def test_a_hull_is_drawn_without_a_word(chromium, own_warnings, tmp_path, elements):
    figure = hull_figure(points(elements), list(elements), 0.5)
    assert figure is not None
    path = tmp_path / "hull.html"
    figure.write_html(path, include_plotlyjs=True)
    page, said = chromium.new_page(), []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.as_uri())
    page.wait_for_selector(".js-plotly-plot .main-svg")
    page.wait_for_timeout(500)
    page.close()
    assert [text for text in said if not text.startswith(own_warnings)] == []
