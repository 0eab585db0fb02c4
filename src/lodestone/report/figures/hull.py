"""Convex hulls of one to four elements, and energies above the hull for every system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lodestone.report.figures.many import above_by_composition_figure
from lodestone.report.figures.simplex import ON_HULL, fractions_of, hover, quaternary_figure, ternary_figure
from lodestone.report.palette import BLACK, GREY, GUIDED, Style, apply_layout, label, subscripts

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_POINTS = 3000
DRAWN = {3: ternary_figure, 4: quaternary_figure}
"""Number of elements -> its drawing."""


def hull_figure(points: pl.DataFrame, elements: Sequence[str], shown_below: float) -> Figure | None:
    """Picture of a hull: formation energies of a binary, a triangle, a tetrahedron; else by composition.

    None where nothing is near the hull, and for a binary without elemental references.

    `points`: id, kind, formula, energy_per_atom (estimator's, eV/atom), e_above_hull.
    """
    near = points.filter(
        pl.col("e_above_hull").is_finite()
        & pl.col("energy_per_atom").is_finite()
        & (pl.col("e_above_hull") <= shown_below)
    ).sort("e_above_hull")
    near = near.filter(pl.col("kind") == "reference").vstack(
        near.filter(pl.col("kind") == "candidate").head(MOST_POINTS)
    )
    if not near.height:
        return None
    if len(elements) == 1:
        return _unary(near, elements[0])
    fractions = fractions_of(near["formula"], elements)
    if len(elements) == 2:
        formation = _formation(near, fractions)
        return None if formation is None else _binary(near, fractions[:, 1], formation, elements)
    if len(elements) in DRAWN:
        return DRAWN[len(elements)](near, fractions, elements)
    return above_by_composition_figure(near)


def above_hull_figure(candidates: pl.DataFrame, styles: Mapping[str, Style]) -> Figure | None:
    """Share of an arm's screened representatives below each energy above the hull."""
    rows = candidates.filter(
        pl.col("is_representative").fill_null(value=False) & pl.col("e_above_hull").is_finite()
    )
    if not rows.height:
        return None
    import plotly.graph_objects as go

    figure = go.Figure()
    for arm, style in styles.items():
        energies = np.sort(rows.filter(pl.col("arm") == arm)["e_above_hull"].to_numpy())
        if len(energies):
            figure.add_scatter(
                x=energies.tolist(),
                y=(np.arange(1, len(energies) + 1)).tolist(),
                mode="lines+markers" if len(energies) < 30 else "lines",
                line={"shape": "hv", "color": style.color, "dash": style.dash},
                marker={"symbol": style.symbol},
                name=label(arm),
                hovertemplate="%{y} at or below %{x:.3f} eV/atom<extra>%{fullData.name}</extra>",
            )
    apply_layout(figure, "e_above_hull / eV/atom", "distinct structures at or below")
    if rows.height < 50:
        figure.update_yaxes(dtick=max(1, rows.height // 10))
    return figure


def _formation(points: pl.DataFrame, fractions: np.ndarray) -> np.ndarray | None:
    """Formation energies (n_points,) in eV/atom from the lowest elemental references."""
    energies = points["energy_per_atom"].to_numpy()
    is_reference = (points["kind"] == "reference").to_numpy()
    lowest = []
    for column in fractions.T:
        pure = energies[is_reference & (column > 1 - 1e-9)]
        if not len(pure):
            return None
        lowest.append(pure.min())
    return np.asarray(energies - fractions @ np.array(lowest))


def _binary(points: pl.DataFrame, x: np.ndarray, formation: np.ndarray, elements: Sequence[str]) -> Figure:
    import plotly.graph_objects as go

    figure, texts = go.Figure(), np.array(hover(points))
    kind, above = points["kind"].to_numpy(), points["e_above_hull"].to_numpy()
    stable = (kind == "reference") & (above <= ON_HULL)
    order = np.argsort(x[stable])
    names = np.array([subscripts(f) for f in points["formula"]])
    figure.add_scatter(
        x=x[stable][order].tolist(), y=formation[stable][order].tolist(), mode="lines+markers+text",
        line={"color": BLACK}, marker={"symbol": "diamond", "size": 9},
        customdata=texts[stable][order].tolist(), text=names[stable][order].tolist(),
        textposition="bottom center", cliponaxis=False,
        name="hull of the references", hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    groups = (
        ("other references", (kind == "reference") & ~stable, GREY, "diamond-open"),
        ("candidates", kind == "candidate", GUIDED[0], "circle"),
    )
    for name, mask, color, symbol in groups:
        figure.add_scatter(
            x=x[mask].tolist(), y=formation[mask].tolist(), mode="markers", name=name,
            marker={"color": color, "symbol": symbol, "opacity": 0.8}, text=texts[mask].tolist(),
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    apply_layout(figure, f"atomic fraction of {elements[1]}", "formation energy / eV/atom", height=480)
    return figure.update_xaxes(range=[-0.05, 1.05])


def _unary(points: pl.DataFrame, element: str) -> Figure:
    """Energy levels: a short line for every structure, over that of the most stable reference."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for place, (kind, color) in enumerate((("reference", BLACK), ("candidate", GUIDED[0]))):
        part = points.filter(pl.col("kind") == kind)
        if part.height:
            figure.add_scatter(
                x=[place] * part.height, y=part["energy_per_atom"].to_list(), mode="markers",
                marker={"symbol": "line-ew", "size": 70, "line": {"color": color, "width": 2}},
                text=hover(part), hovertemplate="%{text}<br>%{y:.3f} eV/atom<extra></extra>",
                name=f"{kind}s (n = {part.height})", showlegend=False,
            )  # fmt: skip
    apply_layout(figure, f"forms of {label(element)}", "energy / eV/atom", height=480)
    counts = {k: points.filter(pl.col("kind") == k).height for k in ("reference", "candidate")}
    return figure.update_xaxes(
        tickvals=[0, 1], ticktext=[f"{k}s<br>(n = {n})" for k, n in counts.items()], range=[-0.6, 1.6]
    )
