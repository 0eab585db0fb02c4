"""Which crystal systems and space groups the arms found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from lodestone.columns import Col
from lodestone.report.palette import Style, apply_layout, label

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_GROUPS = 25
SYSTEMS = {
    "triclinic": 1,
    "monoclinic": 3,
    "orthorhombic": 16,
    "tetragonal": 75,
    "trigonal": 143,
    "hexagonal": 168,
    "cubic": 195,
}
"""Crystal system -> number of its first space group (International Tables for Crystallography A)."""


def crystal_system(space_group: int) -> str:
    """The crystal system of a space group's number, 1 to 230."""
    return [name for name, first in SYSTEMS.items() if space_group >= first][-1]


def crystal_system_figure(candidates: pl.DataFrame, styles: Mapping[str, Style]) -> Figure | None:
    """Share of an arm's distinct structures in each crystal system."""
    rows = _distinct(candidates)
    if not rows.height:
        return None
    import plotly.graph_objects as go

    figure = go.Figure()
    for arm, style in styles.items():
        groups = rows.filter(pl.col("arm") == arm)[Col.SPACE_GROUP]
        if not len(groups):
            continue
        found = [crystal_system(group) for group in groups]
        counts = [found.count(system) for system in SYSTEMS]
        figure.add_bar(
            x=list(SYSTEMS),
            y=[100 * count / len(found) for count in counts],
            name=f"{label(arm)} (n = {len(found)})",
            marker=style.bar,
            customdata=counts,
            hovertemplate="%{x}: %{customdata} structures, %{y:.1f} %<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.15)
    return apply_layout(figure, "crystal system", "distinct structures / %")


def space_group_figure(candidates: pl.DataFrame, styles: Mapping[str, Style]) -> Figure | None:
    """Distinct structures by space group; the most frequent groups, in the order of their numbers."""
    rows = _distinct(candidates)
    if not rows.height:
        return None
    import plotly.graph_objects as go

    counts = rows.group_by(Col.SPACE_GROUP).len().sort("len", Col.SPACE_GROUP, descending=[True, False])
    shown = counts.head(MOST_GROUPS).sort(Col.SPACE_GROUP)[Col.SPACE_GROUP].to_list()
    symbols = dict(rows.select(Col.SPACE_GROUP, Col.SPACE_GROUP_SYMBOL).unique(Col.SPACE_GROUP).rows())
    names = [f"{g} {label(symbols[g] or '?')}" for g in shown]
    systems = [crystal_system(g) for g in shown]
    figure = go.Figure()
    for arm, style in styles.items():
        own = dict(rows.filter(pl.col("arm") == arm).group_by(Col.SPACE_GROUP).len().rows())
        figure.add_bar(
            y=names,
            x=[own.get(g, 0) for g in shown],
            orientation="h",
            name=label(arm),
            marker=style.bar,
            customdata=systems,
            hovertemplate="%{y} (%{customdata}): %{x}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    apply_layout(figure, "distinct structures", "space group", height=230 + 24 * len(shown))
    figure.update_yaxes(autorange="reversed", type="category", dtick=1)
    if counts["len"].max() < 10:  # type: ignore[operator]
        figure.update_xaxes(dtick=1)
    hidden = counts.height - len(shown)
    if hidden:
        figure.update_yaxes(title=f"space group ({hidden} rarer ones not shown)")
    return figure


def _distinct(candidates: pl.DataFrame) -> pl.DataFrame:
    return candidates.filter(
        pl.col(Col.IS_REPRESENTATIVE).fill_null(value=False) & pl.col(Col.SPACE_GROUP).is_not_null()
    )
