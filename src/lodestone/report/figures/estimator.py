"""The estimator against the references' own energies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lodestone.report.palette import BLACK, GUIDED, apply_layout, label

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def parity_table(references: pl.DataFrame, energies: pl.DataFrame) -> pl.DataFrame:
    """References with both energies (eV/atom): id, formula, source, own, estimated."""
    own = references.select("id", "formula", "source", pl.col("energy_per_atom").alias("own"))
    estimated = energies.select("id", pl.col("energy_per_atom").alias("estimated"))
    joined = own.join(estimated, on="id", how="inner", maintain_order="left")
    return joined.filter(pl.col("own").is_finite() & pl.col("estimated").is_finite())


def parity_figure(parity: pl.DataFrame) -> Figure | None:
    """Estimated against own energies, with the mean absolute error and the bias."""
    if not parity.height:
        return None
    import plotly.graph_objects as go

    gap = (parity["estimated"] - parity["own"]).to_numpy()
    low, high = float(parity["own"].min()), float(parity["own"].max())  # type: ignore[arg-type]
    figure = go.Figure()
    figure.add_scatter(
        x=[low, high], y=[low, high], mode="lines", line={"color": BLACK, "width": 1}, name="equal",
        hoverinfo="skip",
    )  # fmt: skip
    for i, ((source,), part) in enumerate(parity.group_by("source", maintain_order=True)):
        figure.add_scatter(
            x=part["own"].to_list(),
            y=part["estimated"].to_list(),
            mode="markers",
            marker={"size": 7, "opacity": 0.75, "color": GUIDED[::-1][i % len(GUIDED)]},
            name=label(source),
            text=[f"{label(f)}<br>{label(k)}" for f, k in part.select("formula", "id").rows()],
            hovertemplate="%{text}<br>own %{x:.3f}, estimated %{y:.3f} eV/atom<extra></extra>",
        )
    apply_layout(figure, "energy of the source / eV/atom", "energy of the estimator / eV/atom")
    text = (
        f"n = {len(gap)}, mean absolute error {np.abs(gap).mean():.3f}, "
        f"bias {gap.mean():+.3f}, largest {np.abs(gap).max():.3f} eV/atom"
    )
    figure.add_annotation(
        text=text, x=0.01, y=0.99, xref="paper", yref="paper", showarrow=False, xanchor="left"
    )
    return figure
