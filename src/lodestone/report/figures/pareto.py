"""Loss against energy above the hull, with the non-dominated fronts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from lodestone.report.palette import BLACK, REFERENCE_STYLE, Style, apply_layout, label

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_POINTS = 4000
FRONTS = 3
DASHES = ("solid", "dot", "dot")


def pareto_figure(points: pl.DataFrame, styles: Mapping[str, Style], shown_below: float) -> Figure | None:
    """Candidates by arm and references of one constraint; lines join the first fronts.

    Points above `shown_below` (eV/atom) are not drawn; of very many, those of the lowest ranks are.
    The axis ends with the candidates; references beyond are a double click away.
    """
    near = points.filter(pl.col("e_above_hull") <= shown_below).sort("rank").head(MOST_POINTS)
    if not near.height:
        return None
    import plotly.graph_objects as go

    figure = go.Figure()
    for rank in range(FRONTS, 0, -1):
        front = near.filter(pl.col("rank") == rank).sort("loss", "e_above_hull")
        if front.height:
            figure.add_scatter(
                x=front["loss"].to_list(),
                y=front["e_above_hull"].to_list(),
                mode="lines",
                line={"shape": "hv", "color": BLACK, "width": 2.0 / rank, "dash": DASHES[rank - 1]},
                name=f"front {rank}",
                hoverinfo="skip",
            )
    references = near.filter(pl.col("kind") == "reference")
    groups = [("references", references)] if references.height else []
    found = near.filter(pl.col("kind") == "candidate")
    groups += [(arm, part) for arm in styles if (part := found.filter(pl.col("arm") == arm)).height]
    for name, part in groups:
        _add_points(figure, name, part, styles.get(name, REFERENCE_STYLE))
    apply_layout(figure, "loss of the constraint (processed structure)", "energy above the hull / eV/atom")
    figure.add_hline(y=0, line={"color": "#BBBBBB", "width": 1})
    if found.height:
        widest = max(float(found["loss"].max() or 0.0), 1e-3)  # type: ignore[arg-type]
        figure.update_xaxes(range=[-0.05 * widest, 1.1 * widest])
    return figure


def _add_points(figure: Figure, name: str, part: pl.DataFrame, style: Style) -> None:
    texts = [
        f"<b>{label(r['formula'])}</b>"
        + (f", space group {r['space_group']}" if r["space_group"] is not None else "")
        + f"<br>{label(r['id'])}<br>front {r['rank']}"
        for r in part.iter_rows(named=True)
    ]
    figure.add_scatter(
        x=part["loss"].to_list(),
        y=part["e_above_hull"].to_list(),
        mode="markers",
        marker={"color": style.color, "symbol": style.symbol, "size": 8, "opacity": 0.8},
        name=label(name),
        text=texts,
        hovertemplate="%{text}<br>loss %{x:.3g}, %{y:.3f} eV/atom<extra>%{fullData.name}</extra>",
    )
