"""Distribution of a constrained quantity, by arm and for the references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from lodestone.report.palette import REFERENCE_STYLE, Style, apply_layout, label

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

WIDE = 2.5


def distribution_figure(
    rows: pl.DataFrame, styles: Mapping[str, Style], target: float, tolerance: float
) -> Figure | None:
    """Kernel densities (a histogram where there is none) of one term; the band satisfies the term.

    `rows` are those of one constraint and term in the table of distributions.
    """
    drawn = rows.filter(pl.col("form").is_in(["kde", "histogram"]), pl.col("x").is_not_null())
    if not drawn.height:
        return None
    import plotly.graph_objects as go

    figure = go.Figure()
    groups = list(dict.fromkeys(drawn["group"]))
    smooth = [_curve(drawn, group, styles) for group in groups]
    steps = [_steps(drawn, group, styles) for group in groups]
    figure.add_traces([*smooth, *steps])
    _switch(figure, len(smooth), len(steps))
    figure.add_vrect(
        x0=target - tolerance, x1=target + tolerance, fillcolor="#F0E442", opacity=0.25, line_width=0
    )
    figure.add_vline(x=target, line={"color": "#222222", "width": 1, "dash": "dash"})
    quantity, unit = drawn["quantity"][0], drawn["unit"][0]
    named = label(quantity) + (f" / {label(unit)}" if unit else "")
    per = f" / ({label(unit)})⁻¹" if unit else ""
    return apply_layout(figure, named, f"probability density{per}")


def counts_figure(rows: pl.DataFrame, styles: Mapping[str, Style]) -> Figure | None:
    """Share of centre atoms by number of neighbours."""
    drawn = rows.filter(pl.col("form") == "counts")
    if not drawn.height:
        return None
    import plotly.graph_objects as go

    figure = go.Figure()
    for (group,), part in drawn.group_by("group", maintain_order=True):
        style = styles.get(str(group), REFERENCE_STYLE)
        figure.add_bar(
            x=part["x"].to_list(),
            y=(100 * part["y"]).to_list(),
            name=f"{label(group)} ({part['n'][0]} atoms)",
            marker={"color": style.color, "pattern": {"shape": "/" if style.dash == "dash" else ""}},
        )
    figure.update_layout(barmode="group")
    apply_layout(figure, f"neighbours per atom ({label(drawn['quantity'][0])})", "share of atoms / %")
    figure.update_xaxes(dtick=1)
    return figure


def _curve(rows: pl.DataFrame, group: str, styles: Mapping[str, Style]) -> Scatter:
    part = rows.filter(pl.col("group") == group, pl.col("form") == "kde")
    if not part.height:
        return _steps(rows, group, styles)
    return _line(part["x"].to_list(), part["y"].to_list(), group, f"n = {part['n'][0]}", styles, "spline")


def _steps(rows: pl.DataFrame, group: str, styles: Mapping[str, Style]) -> Scatter:
    part = rows.filter(pl.col("group") == group, pl.col("form") == "histogram")
    label_n = f"n = {part['n'][0]}, histogram" if part.height else "n = 0"
    x = [*part["x"].to_list(), (part["x"][-1] + part["width"][-1])] if part.height else []
    y = [*part["y"].to_list(), 0.0] if part.height else []
    return _line(x, y, group, label_n, styles, "hv")


def _line(
    x: Sequence[float],
    y: Sequence[float],
    group: str,
    counted: str,
    styles: Mapping[str, Style],
    shape: str,
) -> Scatter:
    import plotly.graph_objects as go

    style = styles.get(group, REFERENCE_STYLE)
    return go.Scatter(
        x=list(x),
        y=list(y),
        mode="lines",
        name=f"{label(group)} ({counted})",
        line={"color": style.color, "dash": style.dash, "shape": shape, "width": WIDE},
        hovertemplate="%{x:.3g}: %{y:.3g}<extra>%{fullData.name}</extra>",
    )


def _switch(figure: Figure, smooth: int, steps: int) -> None:
    """Two buttons: kernel density or histogram."""
    for trace in figure.data[smooth:]:
        trace.visible = False
    show = [[True] * smooth + [False] * steps, [False] * smooth + [True] * steps]
    names = ("kernel density", "histogram")
    buttons = [
        {"label": name, "method": "restyle", "args": [{"visible": shown}]}
        for name, shown in zip(names, show, strict=True)
    ]
    figure.update_layout(
        updatemenus=[
            {"type": "buttons", "direction": "right", "buttons": buttons}
            | {"x": 1, "xanchor": "right", "y": -0.16, "yanchor": "top", "showactive": True}
        ]
    )
