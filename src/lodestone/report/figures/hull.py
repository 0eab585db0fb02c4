"""Convex hulls of binaries and ternaries, and energies above the hull for every system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lodestone.report.palette import BLACK, GREY, Style, apply_layout, label

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ON_HULL = 1e-6  # eV/atom
MOST_POINTS = 3000


def hull_figure(points: pl.DataFrame, elements: Sequence[str], shown_below: float) -> Figure | None:
    """Picture of a binary or ternary hull; None for other systems or without elemental references.

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
    fractions = np.array([_fractions(f, elements) for f in near["formula"]]).reshape(-1, len(elements))
    if not near.height or len(elements) not in (2, 3):
        return None
    formation = _formation(near, fractions)
    if len(elements) == 2:
        return None if formation is None else _binary(near, fractions[:, 1], formation, elements)
    return _ternary(near, fractions, elements)


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
                name=label(arm),
            )
    apply_layout(figure, "energy above the hull / eV/atom", "distinct structures at or below")
    if rows.height < 50:
        figure.update_yaxes(dtick=max(1, rows.height // 10))
    return figure


def _fractions(formula: str, elements: Sequence[str]) -> list[float]:
    from pymatgen.core import Composition

    composition = Composition(formula)
    return [float(composition.get_atomic_fraction(e)) for e in elements]


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


def _texts(points: pl.DataFrame) -> list[str]:
    return [
        f"{label(r['formula'])}<br>{label(r['id'])}<br>{r['e_above_hull']:.3f} eV/atom above the hull"
        for r in points.iter_rows(named=True)
    ]


def _binary(points: pl.DataFrame, x: np.ndarray, formation: np.ndarray, elements: Sequence[str]) -> Figure:
    import plotly.graph_objects as go

    figure, texts = go.Figure(), np.array(_texts(points))
    kind, above = points["kind"].to_numpy(), points["e_above_hull"].to_numpy()
    stable = (kind == "reference") & (above <= ON_HULL)
    order = np.argsort(x[stable])
    figure.add_scatter(
        x=x[stable][order].tolist(), y=formation[stable][order].tolist(), mode="lines+markers",
        line={"color": BLACK}, marker={"symbol": "diamond", "size": 9}, text=texts[stable][order].tolist(),
        name="hull of the references", hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
    groups = (
        ("other references", (kind == "reference") & ~stable, GREY, "diamond-open"),
        ("candidates", kind == "candidate", "#D55E00", "circle"),
    )
    for name, mask, color, symbol in groups:
        figure.add_scatter(
            x=x[mask].tolist(), y=formation[mask].tolist(), mode="markers", name=name,
            marker={"color": color, "symbol": symbol, "opacity": 0.8}, text=texts[mask].tolist(),
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    return apply_layout(figure, f"atomic fraction of {elements[1]}", "formation energy / eV/atom")


def _ternary(points: pl.DataFrame, fractions: np.ndarray, elements: Sequence[str]) -> Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    # the lowest of a composition is drawn last, on top of those above it
    highest_first = np.argsort(-points["e_above_hull"].to_numpy(), kind="stable")
    kind, texts = points["kind"].to_numpy(), np.array(_texts(points))
    for name, symbol, size in (("candidate", "circle", 10), ("reference", "diamond-open", 13)):
        mask = highest_first[kind[highest_first] == name]
        figure.add_scatterternary(
            a=fractions[mask, 0].tolist(), b=fractions[mask, 1].tolist(), c=fractions[mask, 2].tolist(),
            mode="markers", cliponaxis=False, showlegend=False, text=texts[mask].tolist(),
            hovertemplate="%{text}<extra></extra>",
            marker={
                "symbol": symbol, "size": size, "coloraxis": "coloraxis",
                "color": points["e_above_hull"].to_numpy()[mask].tolist(),
            },
        )  # fmt: skip
        # the legend cannot show a colour that stands for a number
        figure.add_scatterternary(
            a=[None], b=[None], c=[None], mode="markers", name=f"{name}s",
            marker={"symbol": symbol, "size": size, "color": GREY},
        )  # fmt: skip
    axes = {f"{axis}axis": {"title": element} for axis, element in zip("abc", elements, strict=True)}
    apply_layout(figure, "", "", height=560)
    figure.update_layout(
        ternary={"sum": 1, **axes},
        coloraxis={"colorscale": "Cividis", "colorbar": {"title": "eV/atom<br>above<br>the hull"}},
    )
    return figure
