"""Which space groups the arms found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from lodestone.report.palette import Style, apply_layout, label

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_GROUPS = 25


def space_group_figure(candidates: pl.DataFrame, styles: Mapping[str, Style]) -> Figure | None:
    """Distinct structures by space group; the most frequent groups, in the order of their numbers."""
    rows = candidates.filter(
        pl.col("is_representative").fill_null(value=False) & pl.col("space_group").is_not_null()
    )
    if not rows.height:
        return None
    import plotly.graph_objects as go

    counts = rows.group_by("space_group").len().sort("len", "space_group", descending=[True, False])
    shown = counts.head(MOST_GROUPS).sort("space_group")["space_group"].to_list()
    symbols = dict(rows.select("space_group", "space_group_symbol").unique("space_group").rows())
    names = [f"{label(symbols[g] or '?')} ({g})" for g in shown]
    figure = go.Figure()
    for arm, style in styles.items():
        own = dict(rows.filter(pl.col("arm") == arm).group_by("space_group").len().rows())
        figure.add_bar(
            x=names,
            y=[own.get(g, 0) for g in shown],
            name=label(arm),
            marker={"color": style.color, "pattern": {"shape": "/" if style.dash == "dash" else ""}},
        )
    figure.update_layout(barmode="stack")
    apply_layout(figure, "space group", "distinct structures")
    hidden = counts.height - len(shown)
    if hidden:
        figure.update_xaxes(title=f"space group ({hidden} rarer ones are not shown)")
    return figure
