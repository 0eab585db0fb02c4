"""Two terms of a constraint at once: a density beside a density, on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.report.figures.distributions import axis_title, bands
from lodestone.report.palette import BLACK, REFERENCE_STYLE, SEQUENTIAL, Style, apply_layout, label
from lodestone.statistics.distributions import Span

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

COLUMNS = 2
HEIGHT = 290
FEW = 200
"""Structures below which the single ones are drawn too."""
Values = Mapping[str, Sequence[Sequence[float | None] | None]]
"""By group, the values of all terms of each structure."""
Target = tuple[Sequence[Span], float]
"""The target of a term as intervals, and its tolerance."""


def joint_figure(
    rows: pl.DataFrame,
    values: Values,
    targets: tuple[Target, Target],
    groups: Sequence[str],
    styles: Mapping[str, Style],
) -> Figure | None:
    """Kernel density of a pair of terms, one map per group, with the same axes and the same colours.

    `rows` are those of one constraint and pair in the table of joint densities; the single structures
    of `values` are drawn where a group has few of them or no density. Boxes satisfy both terms.
    """
    known = set(rows["group"])
    shown = [group for group in groups if group in known and _drawable(rows, values, group)]
    if not shown:
        return None
    from plotly.subplots import make_subplots

    names = [axis_title(rows[f"quantity_{a}"][0], rows[f"unit_{a}"][0]) for a in "xy"]
    pair = (int(rows["term_x"][0]), int(rows["term_y"][0]))
    ranges = _ranges(rows, values, pair, targets, shown)
    n_rows = -(-len(shown) // COLUMNS)
    figure = make_subplots(
        n_rows, COLUMNS, shared_xaxes="all", shared_yaxes="all", vertical_spacing=0.24 / n_rows,
        horizontal_spacing=0.05, subplot_titles=[_title(rows, group) for group in shown],
        x_title=names[0], y_title=names[1],
    )  # fmt: skip
    for k, group in enumerate(shown):
        place = {"row": k // COLUMNS + 1, "col": k % COLUMNS + 1}
        _density(figure, rows.filter(pl.col("group") == group), place)
        _points(figure, values.get(group, ()), pair, styles.get(group, REFERENCE_STYLE), place)
        _boxes(figure, targets, ranges, place)
    return _finish(figure, rows, ranges, n_rows)


def _finish(figure: Figure, rows: pl.DataFrame, ranges: Sequence[tuple[float, float]], n_rows: int) -> Figure:
    figure.update_annotations(font_size=13)
    apply_layout(figure, "", "")
    figure.update_xaxes(range=ranges[0], showticklabels=True, title_text="")
    figure.update_yaxes(range=ranges[1], title_text="")
    units = " · ".join(u for u in (rows["unit_x"][0], rows["unit_y"][0]) if u)
    per = f" / ({label(units)})⁻¹" if units else ""
    highest = rows["density"].max()
    figure.update_layout(
        showlegend=False,
        height=HEIGHT * n_rows + 150,
        margin={"t": 130, "l": 70, "r": 10, "b": 70},
        coloraxis={
            "colorscale": SEQUENTIAL, "cmin": 0, "cmax": highest if highest is not None else 1,
            "colorbar": {
                "orientation": "h", "yref": "container", "y": 1, "yanchor": "top", "thickness": 12,
                "title": {"text": f"probability density{per}", "side": "top"}, "tickformat": ".2g",
            },
        },
    )  # fmt: skip
    if highest is None:
        figure.update_layout(coloraxis_showscale=False)
    return figure


def _drawable(rows: pl.DataFrame, values: Values, group: str) -> bool:
    return rows.filter(pl.col("group") == group)["density"].count() > 0 or bool(values.get(group))


def _title(rows: pl.DataFrame, group: str) -> str:
    own = rows.filter(pl.col("group") == group)
    outside = f", {own['outside'][0]} outside" if own["outside"][0] else ""
    said = "" if own["density"].count() else ", no density"
    return f"{label(group)}<br>n = {own['n'][0]}{outside}{said}"


def _density(figure: Figure, own: pl.DataFrame, place: Mapping[str, int]) -> None:
    grid = own.filter(pl.col("density").is_not_null())
    if not grid.height:
        return
    xs, ys = np.unique(grid["x"].to_numpy()), np.unique(grid["y"].to_numpy())
    heights = np.zeros((len(ys), len(xs)), dtype=np.float32)
    at = np.searchsorted(ys, grid["y"].to_numpy()), np.searchsorted(xs, grid["x"].to_numpy())
    heights[at] = grid["density"].to_numpy()
    figure.add_heatmap(
        x=xs, y=ys, z=heights, coloraxis="coloraxis", **place,
        hovertemplate="%{x:.3g}, %{y:.3g}: %{z:.3g}<extra></extra>",
    )  # fmt: skip


def _points(
    figure: Figure, values: Any, pair: tuple[int, int], style: Style, place: Mapping[str, int]
) -> None:
    pairs = _pairs(values, pair)
    if not 0 < len(pairs) <= FEW:
        return
    # values repeat where they are shares of few atoms: a point that stands for several is larger
    places, counts = np.unique(pairs, axis=0, return_counts=True)
    figure.add_scatter(
        x=places[:, 0].tolist(), y=places[:, 1].tolist(), mode="markers", **place,
        marker={
            "symbol": "circle", "size": (4 + 2 * np.sqrt(counts)).tolist(), "color": style.color,
            "opacity": 0.8, "line": {"color": "white", "width": 1},
        },
        customdata=counts.tolist(),
        hovertemplate="%{x:.3g}, %{y:.3g}: %{customdata} structures<extra></extra>",
    )  # fmt: skip


def _pairs(values: Any, pair: tuple[int, int]) -> np.ndarray:
    """Finite values of both terms, (n_structures, 2)."""
    found = [(v[pair[0]], v[pair[1]]) for v in values if v is not None and len(v) > max(pair)]
    table = np.array([[np.nan if x is None else x for x in row] for row in found], dtype=float)
    table = table.reshape(-1, 2)
    return table[np.isfinite(table).all(axis=1)]


def _ranges(
    rows: pl.DataFrame,
    values: Values,
    pair: tuple[int, int],
    targets: tuple[Target, Target],
    shown: Sequence[str],
) -> list[tuple[float, float]]:
    """What both axes show: the grid of the densities; where there is none, the points and the target."""
    grid = rows.filter(pl.col("density").is_not_null())
    if grid.height:
        return [(float(grid[a].min()), float(grid[a].max())) for a in "xy"]  # type: ignore[arg-type]
    points = np.concatenate([_pairs(values.get(group, ()), pair) for group in shown])
    found = []
    for axis, (spans, tolerance) in enumerate(targets):
        ends = [e + s for span in spans for e in span if e is not None for s in (-tolerance, tolerance)]
        every = [*points[:, axis].tolist(), *ends]
        margin = 0.05 * (max(every) - min(every)) or 0.5
        found.append((min(every) - margin, max(every) + margin))
    return found


def _boxes(
    figure: Figure,
    targets: tuple[Target, Target],
    ranges: Sequence[tuple[float, float]],
    place: Mapping[str, int],
) -> None:
    """The boxes that satisfy both terms; a white line below the black one shows on dark ground."""
    wide, high = (
        bands(spans, tolerance, shown) for (spans, tolerance), shown in zip(targets, ranges, strict=True)
    )
    for x0, x1 in wide:
        for y0, y1 in high:
            for line in ({"color": "white", "width": 4}, {"color": BLACK, "width": 1.5, "dash": "dash"}):
                figure.add_shape(type="rect", x0=x0, x1=x1, y0=y0, y1=y1, line=line, **place)
