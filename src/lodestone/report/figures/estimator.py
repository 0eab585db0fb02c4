"""The estimator against the references' own energies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.report.hull_error import of_all
from lodestone.report.palette import BLACK, GREY, GUIDED, apply_layout, label

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")
NAMES = (("mae", "MAE"), ("rmse", "RMSE"), ("bias", "bias"))


def parity_table(references: pl.DataFrame, energies: pl.DataFrame) -> pl.DataFrame:
    """References with both energies (eV/atom): id, formula, source, own, estimated."""
    own = references.select("id", Col.FORMULA, "source", pl.col(Col.ENERGY_PER_ATOM).alias("own"))
    estimated = energies.select("id", pl.col(Col.ENERGY_PER_ATOM).alias("estimated"))
    return _both(own, estimated)


def distance_table(references: pl.DataFrame, hull: pl.DataFrame) -> pl.DataFrame:
    """References with both distances to the hull (eV/atom): id, formula, source, own, estimated."""
    if Col.E_ABOVE_HULL not in references.columns:
        return pl.DataFrame()
    own = references.select("id", Col.FORMULA, "source", pl.col(Col.E_ABOVE_HULL).alias("own"))
    known = hull.filter(pl.col("kind") == "reference")
    return _both(own, known.select("id", pl.col(Col.E_ABOVE_HULL).alias("estimated")))


def error_row(errors: pl.DataFrame | None, quantity: str) -> dict[str, Any]:
    """The row of all references for a quantity in the table of the estimator's errors; {} without one."""
    if errors is None or not {"quantity", "mae"} <= set(errors.columns):
        return {}
    rows = of_all(errors, quantity)
    return rows.row(0, named=True) if rows.height else {}


def parity_figure(parity: pl.DataFrame, error: Mapping[str, Any] | None = None) -> Figure | None:
    """Estimated against own energies with the line of equality; `error` has mae, rmse, bias, their bounds.

    Where no error is given it is that of the points.
    """
    if not parity.height:
        return None
    figure = _scatter(
        parity, "own", "estimated", f"own %{{x:.3f}}, estimated %{{y:.3f}} {Col.ENERGY_PER_ATOM.unit}"
    )
    ends = [float(f(parity[c])) for c in ("own", "estimated") for f in (min, max)]
    figure.add_scatter(
        x=[min(ends), max(ends)], y=[min(ends), max(ends)], mode="lines", name="equal", hoverinfo="skip",
        line={"color": BLACK, "width": 1},
    )  # fmt: skip
    titles = [Col.ENERGY_PER_ATOM.head(f"energy of the {one}") for one in ("source", "estimator")]
    apply_layout(figure, *titles, height=480)
    gap = (parity["estimated"] - parity["own"]).to_numpy()
    return _say(figure, error or _error_of(gap))


def distance_figure(distances: pl.DataFrame, error: Mapping[str, Any]) -> Figure | None:
    """Error of e_above_hull against the source's own e_above_hull: is it smaller where it matters?"""
    if not distances.height:
        return None
    table = distances.with_columns(gap=pl.col("estimated") - pl.col("own"))
    figure = _scatter(table, "own", "gap", f"own %{{x:.3f}}, error %{{y:+.3f}} {Col.E_ABOVE_HULL.unit}")
    titles = [
        Col.E_ABOVE_HULL.head(w)
        for w in (f"{Col.E_ABOVE_HULL} of the source", f"error of {Col.E_ABOVE_HULL}")
    ]
    apply_layout(figure, *titles, height=480)
    figure.add_hline(y=0, line={"color": GREY, "width": 1})
    return _say(figure, error or _error_of(table["gap"].to_numpy()))


def _both(own: pl.DataFrame, estimated: pl.DataFrame) -> pl.DataFrame:
    joined = own.join(estimated, on="id", how="inner", maintain_order="left")
    return joined.filter(pl.col("own").is_finite() & pl.col("estimated").is_finite())


def _error_of(gap: np.ndarray) -> dict[str, Any]:
    mae, rmse = float(np.abs(gap).mean()), float(np.sqrt((gap**2).mean()))
    return {"n": len(gap), "mae": mae, "rmse": rmse, "bias": float(gap.mean())}


def _scatter(table: pl.DataFrame, x: str, y: str, told: str) -> Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    for i, ((source,), part) in enumerate(table.group_by("source", maintain_order=True)):
        figure.add_scatter(
            x=part[x].to_list(),
            y=part[y].to_list(),
            mode="markers",
            marker={"size": 7, "opacity": 0.75, "color": GUIDED[(i + 1) % len(GUIDED)]}
            | {"symbol": SYMBOLS[i % len(SYMBOLS)]},
            name=f"{label(source)} (n = {part.height})",
            text=[f"<b>{label(f)}</b><br>{label(k)}" for f, k in part.select(Col.FORMULA, "id").rows()],
            hovertemplate=f"%{{text}}<br>{told}<extra></extra>",
        )
    return figure


def _say(figure: Figure, error: Mapping[str, Any]) -> Figure:
    """The error above the figure, line by line, so that it never lies on points."""
    lines = [_line(name, error, key) for key, name in NAMES if error.get(key) is not None]
    figure.add_annotation(
        text=f"n = {error['n']}; {Col.ENERGY_PER_ATOM.unit}:<br>" + "<br>".join(lines),
        x=0, y=1, xref="paper", yref="paper", yanchor="bottom", xanchor="left", align="left",
        showarrow=False,
    )  # fmt: skip
    return figure.update_layout(margin_t=30 + 20 * (len(lines) + 1))


def _line(name: str, error: Mapping[str, Any], key: str) -> str:
    sign = "+" if key == "bias" else ""
    low, high = error.get(f"{key}_low"), error.get(f"{key}_high")
    between = "" if low is None or high is None else f" (95 %: {low:{sign}.3f} to {high:{sign}.3f})"
    return f"{name} {error[key]:{sign}.3f}{between}"
