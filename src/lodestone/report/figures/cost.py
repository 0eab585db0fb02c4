"""Network passes per success, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from lodestone.columns import Col
from lodestone.report.palette import GREY, apply_layout, label
from lodestone.report.palette import OUTCOMES as COLORS
from lodestone.statistics.cost import KINDS
from lodestone.statistics.verdict import NAMES

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SYMBOLS = ("circle", "square", "diamond", "x", "star")
BOUNDS = (Col.PASSES_PER_SUCCESS, "passes_per_success_low", "passes_per_success_high")
FEW_POWERS = 5
DISTINCT = {Col.DISTINCT_PERSISTENT: "Distinct persistent"}


def cost_figure(rows: pl.DataFrame) -> Figure | None:
    """Cost of each outcome by arm, of one constraint; bars that end at the point have no upper bound."""
    known = rows.filter(pl.col(Col.PASSES_PER_SUCCESS).is_not_null())
    if not known.height:
        return None
    import plotly.graph_objects as go

    figure = go.Figure()
    arms = rows["arm"].unique(maintain_order=True).to_list()
    methods = dict(zip(rows["arm"], rows["method"], strict=True))
    places = {arm: i for i, arm in enumerate(arms)}
    for k, (outcome, color) in enumerate(zip(KINDS, (*COLORS, GREY), strict=True)):
        part = known.filter(pl.col("outcome") == outcome)
        value = part[Col.PASSES_PER_SUCCESS]
        figure.add_scatter(
            x=[places[a] + 0.13 * (k - 2) for a in part["arm"]],
            y=value.to_list(),
            error_y={
                "type": "data",
                "array": (part["passes_per_success_high"].fill_null(value) - value).to_list(),
                "arrayminus": (value - part["passes_per_success_low"]).to_list(),
                "thickness": 1.5,
            },
            mode="markers",
            marker={"color": color, "size": 10, "symbol": SYMBOLS[k]},
            name=(NAMES | DISTINCT)[outcome],
            customdata=part.select("arm", "successes", "n").rows(),
            hovertemplate="%{customdata[0]}: %{y:,.0f} passes each, %{customdata[1]} of %{customdata[2]}"
            "<extra></extra>",
        )
    apply_layout(figure, "arm", "network passes per success")
    names = [f"{methods[a]} ({a})" if methods[a] == "rejection" else a for a in arms]
    figure.update_xaxes(tickvals=list(places.values()), ticktext=[label(name) for name in names])
    shown = [float(v) for c in BOUNDS for v in known[c].drop_nulls() if v > 0]
    ticks = _ticks(shown)
    return figure.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{value:,g}" for value in ticks])


def _ticks(values: Sequence[float]) -> list[float]:
    """Ticks of a logarithmic axis, which by itself writes those between powers of ten too small to read.

    1, 2 and 5 times the powers of ten; powers alone where these are many.
    """
    if not values:
        return []
    powers = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
    steps = (1, 2, 5) if len(powers) <= FEW_POWERS else (1,)
    return [step * 10.0**power for power in powers for step in steps]
