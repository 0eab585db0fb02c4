"""Distribution of a constrained quantity, by arm and for the references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from lodestone.report.palette import BLACK, GREY, REFERENCE_STYLE, Style, apply_layout, label
from lodestone.statistics.distributions import Span

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

WIDE = 2.5
KDE = "Gaussian KDE (Silverman)"
HISTOGRAM = "histogram"
BAND = "#F0E442"
MOST_TICKS = 16


def distribution_figure(
    rows: pl.DataFrame, styles: Mapping[str, Style], spans: Sequence[Span], tolerance: float
) -> Figure | None:
    """Kernel densities (a histogram where there is none) of one term; the bands satisfy the term.

    `rows` are those of one constraint and term in the table of distributions; `spans` the target as
    intervals, whose ends are drawn as lines (an open end is the end of what is shown).
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
    mark_target(figure, spans, tolerance, _shown(drawn))
    unit = drawn["unit"][0]
    per = f" / ({label(unit)})⁻¹" if unit else ""
    apply_layout(figure, axis_title(drawn["quantity"][0], unit), f"probability density{per}")
    return figure.update_layout(margin_t=70)


def axis_title(quantity: str, unit: str) -> str:
    """A quantity and its unit, as an axis names them."""
    return label(quantity) + (f" / {label(unit)}" if unit else "")


def mark_target(figure: Figure, spans: Sequence[Span], tolerance: float, shown: tuple[float, float]) -> None:
    """Bands of what satisfies the target, and a line at each of its ends; named in the legend."""
    for x0, x1 in bands(spans, tolerance, shown):
        figure.add_vrect(x0=x0, x1=x1, fillcolor=BAND, opacity=0.3, line_width=0, layer="below")
    for end in dict.fromkeys(end for span in spans for end in span if end is not None):
        figure.add_vline(x=end, line={"color": BLACK, "width": 1, "dash": "dash"})
    figure.add_scatter(
        x=[None], y=[None], mode="markers", name="satisfied (target ± tolerance)",
        marker={"symbol": "square", "size": 12, "color": BAND, "line": {"color": GREY, "width": 1}},
    )  # fmt: skip


def bands(spans: Sequence[Span], tolerance: float, shown: tuple[float, float]) -> list[tuple[float, float]]:
    """What satisfies a target, as intervals that do not overlap; open ends are those of `shown`."""
    wide = sorted(
        (shown[0] if low is None else low - tolerance, shown[1] if high is None else high + tolerance)
        for low, high in spans
    )
    merged: list[tuple[float, float]] = []
    for low, high in wide:
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _shown(rows: pl.DataFrame) -> tuple[float, float]:
    left = rows["x"].to_numpy()
    return float(left.min()), float((left + rows["width"].fill_null(0.0).to_numpy()).max())


def counts_figure(
    rows: pl.DataFrame,
    styles: Mapping[str, Style],
    spans: Sequence[Span] = (),
    tolerance: float = 0.0,
) -> Figure | None:
    """Share of centre atoms by number of neighbours, whole numbers; the bands satisfy the target.

    The target is that of a structure's average, so that single atoms of a structure that satisfies it
    may lie beside the band.
    """
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
            marker=style.bar,
            hovertemplate="%{x} neighbours: %{y:.1f} % of the atoms<extra>%{fullData.name}</extra>",
        )
    largest = int(drawn["x"].max())  # type: ignore[arg-type]
    if spans:
        mark_target(figure, spans, tolerance, (-0.5, largest + 0.5))
    figure.update_layout(barmode="group", bargap=0.15)
    apply_layout(figure, "neighbours per atom", "share of atoms / %")
    figure.update_xaxes(dtick=1 if largest <= MOST_TICKS else 2, range=[-0.5, largest + 0.5])
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
    """Two buttons: kernel density or histogram; the traces that follow are always shown."""
    for trace in figure.data[smooth:]:
        trace.visible = False
    drawn = list(range(smooth + steps))
    show = [[True] * smooth + [False] * steps, [False] * smooth + [True] * steps]
    names = (KDE, HISTOGRAM)
    buttons = [
        {"label": name, "method": "restyle", "args": [{"visible": shown}, drawn]}
        for name, shown in zip(names, show, strict=True)
    ]
    figure.update_layout(
        updatemenus=[
            {"type": "buttons", "direction": "right", "buttons": buttons}
            | {"x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "showactive": True}
            | {"pad": {"b": 8}, "font": {"size": 12}}
        ]
    )
