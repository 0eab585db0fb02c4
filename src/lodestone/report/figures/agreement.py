"""How far several estimators agree in energies above the hull: parity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lodestone.columns import Col
from lodestone.energies.errors import METASTABLE
from lodestone.report.palette import BLACK, GREY, GUIDED, apply_layout, label

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_POINTS = 3000
KINDS = {"reference": (BLACK, "diamond-open"), "candidate": (GUIDED[1], "circle")}


def parity_figure(hull: pl.DataFrame, key: str, first: str, second: str) -> Figure | None:
    """Energies above the hull (eV/atom) by another estimator against those of the judge.

    `hull` is the judge's table with a column `e_above_hull_<key>`.
    """
    other = Col.E_ABOVE_HULL.by(key)
    if other not in hull.columns:
        return None
    known = hull.filter(pl.col(Col.E_ABOVE_HULL).is_finite() & pl.col(other).is_finite())
    if not known.height:
        return None
    import plotly.graph_objects as go

    figure = go.Figure()
    shown = [part for kind in KINDS for part in (known.filter(pl.col("kind") == kind),) if part.height]
    points = [part.sort(Col.E_ABOVE_HULL, "id").head(MOST_POINTS) for part in shown]
    ends = [float(f(part[c])) for part in points for c in (Col.E_ABOVE_HULL, other) for f in (min, max)]
    low, high = min(ends), max(ends)
    figure.add_scatter(
        x=[low, high], y=[low, high], mode="lines", line={"color": GREY, "width": 1}, name="equal",
        hoverinfo="skip",
    )  # fmt: skip
    for whole, part in zip(shown, points, strict=True):
        kind = part["kind"][0]
        color, symbol = KINDS[kind]
        some = f", lowest {part.height:,} of {whole.height:,}" if part.height < whole.height else ""
        figure.add_scatter(
            x=part[Col.E_ABOVE_HULL].to_list(),
            y=part[other].to_list(),
            mode="markers",
            marker={"size": 6, "opacity": 0.6, "color": color, "symbol": symbol},
            name=f"{kind}s{some}",
            text=[label(name) for name in part["id"]],
            hovertemplate=f"%{{text}}<br>%{{x:.3f}} and %{{y:.3f}} {Col.E_ABOVE_HULL.unit}<extra></extra>",
        )
    for draw in (figure.add_hline, figure.add_vline):
        draw(METASTABLE, line={"color": GREY, "dash": "dot", "width": 1})
    titles = [Col.E_ABOVE_HULL.head(f"{Col.E_ABOVE_HULL} by {label(name)}") for name in (first, second)]
    return apply_layout(figure, *titles)
