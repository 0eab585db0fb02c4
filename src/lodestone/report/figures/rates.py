"""Rates with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from lodestone.columns import Col
from lodestone.report.palette import OUTCOMES as COLORS
from lodestone.report.palette import Style, apply_layout, label
from lodestone.statistics.outcomes import OUTCOMES
from lodestone.statistics.verdict import NAMES

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def rates_figure(rates: pl.DataFrame, constraint: str, arms: Sequence[str]) -> Figure | None:
    """Every outcome's rate by arm; bars are intervals (over lineages where structures share them)."""
    rows = rates.filter(
        pl.col("constraint") == constraint, pl.col("arm").is_in(list(arms)), pl.col("rate").is_not_null()
    ).with_columns(
        low=pl.coalesce("cluster_bootstrap_low", "ci_low"),
        high=pl.coalesce("cluster_bootstrap_high", "ci_high"),
    )
    if not rows.height:
        return None
    import plotly.graph_objects as go

    figure = go.Figure()
    places = {arm: i for i, arm in enumerate(arms)}
    for k, (outcome, color) in enumerate(zip(OUTCOMES, COLORS, strict=True)):
        part = rows.filter(pl.col("outcome") == outcome)
        figure.add_scatter(
            x=[places[a] + 0.13 * (k - 1.5) for a in part["arm"]],
            y=(100 * part["rate"]).to_list(),
            error_y={
                "type": "data",
                "array": (100 * (part["high"] - part["rate"])).to_list(),
                "arrayminus": (100 * (part["rate"] - part["low"])).to_list(),
                "thickness": 1.5,
            },
            mode="markers",
            marker={"color": color, "size": 10, "symbol": ["circle", "square", "diamond", "x"][k]},
            name=NAMES[outcome],
            customdata=part.select("arm", "successes", "n").rows(),
            hovertemplate="%{customdata[0]}: %{customdata[1]} of %{customdata[2]} = %{y:.1f} %"
            "<extra></extra>",
        )
    apply_layout(figure, "arm", "share of structures / %")
    figure.update_xaxes(tickvals=list(places.values()), ticktext=[label(a) for a in arms])
    figure.update_yaxes(rangemode="tozero")
    return figure


def attrition_figure(attrition: pl.DataFrame, styles: Mapping[str, Style]) -> Figure | None:
    """Share of an arm's structures that is left after each stage; intervals on hovering."""
    rows = attrition.filter(pl.col(Col.SHARE_OF_GENERATED).is_not_null())
    if not rows.height:
        return None
    import plotly.graph_objects as go

    figure = go.Figure()
    for (arm,), part in rows.group_by("arm", maintain_order=True):
        style = styles[str(arm)]
        figure.add_scatter(
            x=[s.replace("_", " ") for s in part["stage"]],
            y=(100 * part[Col.SHARE_OF_GENERATED]).to_list(),
            name=f"{label(arm)} (n = {part['entered'][0]})",
            mode="lines+markers",
            line={"color": style.color, "dash": style.dash, "width": 2},
            marker={"color": style.color, "symbol": style.symbol, "size": 9},
            customdata=part.select("survived", "lost", pl.col("ci_low", "ci_high") * 100).rows(),
            hovertemplate="%{x}: %{customdata[0]} left, %{customdata[1]} lost here<br>%{y:.1f} % "
            "(%{customdata[2]:.1f} to %{customdata[3]:.1f} %)<extra>%{fullData.name}</extra>",
        )
    apply_layout(figure, "stage", "structures left / %")
    return figure.update_yaxes(range=[-3, 103])
