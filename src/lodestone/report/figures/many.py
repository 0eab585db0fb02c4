"""Energies above the hull by composition, where a system has too many elements for a picture of its hull."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lodestone.report.figures.simplex import hover
from lodestone.report.palette import BLACK, GUIDED, apply_layout, subscripts

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_FORMULAS = 30


def above_by_composition_figure(points: pl.DataFrame) -> Figure | None:
    """One line per composition of a candidate, the lowest first: its candidates and references.

    `points`: id, kind, formula, e_above_hull (eV/atom).
    """
    candidates = points.filter(pl.col("kind") == "candidate")
    lowest = candidates.group_by("formula").agg(pl.col("e_above_hull").min()).sort("e_above_hull", "formula")
    if not lowest.height:
        return None
    import plotly.graph_objects as go

    formulas = lowest["formula"].head(MOST_FORMULAS).to_list()
    figure = go.Figure()
    looks = (("reference", BLACK, "diamond-open"), ("candidate", GUIDED[0], "circle"))
    for kind, color, symbol in looks:
        part = points.filter(pl.col("kind") == kind, pl.col("formula").is_in(formulas))
        if part.height:
            figure.add_scatter(
                x=part["e_above_hull"].to_list(), y=[subscripts(f) for f in part["formula"]],
                mode="markers", name=f"{kind}s", text=hover(part),
                marker={"color": color, "symbol": symbol, "size": 9, "opacity": 0.8},
                hovertemplate="%{text}<extra></extra>",
            )  # fmt: skip
    apply_layout(figure, "e_above_hull / eV/atom", "composition", height=150 + 24 * len(formulas))
    order = [subscripts(f) for f in formulas]
    figure.update_yaxes(categoryorder="array", categoryarray=order[::-1], type="category", dtick=1)
    hidden = lowest.height - len(formulas)
    if hidden:
        figure.update_yaxes(title=f"composition ({hidden} higher ones not shown)")
    return figure
