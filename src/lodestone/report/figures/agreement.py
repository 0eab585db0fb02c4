"""How far several estimators agree in energies above the hull: parity, table and worst disagreements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lodestone.columns import Col
from lodestone.energies.errors import METASTABLE
from lodestone.report.cells import plain_view
from lodestone.report.palette import BLACK, GREY, GUIDED, apply_layout, label
from lodestone.report.panel import Panel

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from lodestone.report.reading import ReportData

MOST_POINTS = 3000
SHOWN_WORST = 20
TEXT = f"""Every estimator judges candidates and references by the hull of its own reference energies;
energies themselves differ by their zeros. Differences are second minus first. The share is that of
structures that both put below, or both above, {METASTABLE:g} eV/atom, with a Wilson interval; the other
intervals are bootstrapped. What one of the two has no value for, or has in quarantine, is counted and not
compared. The ranking and every test use the first estimator alone."""
HEADS: dict[str, str] = {
    "mae": Col.E_ABOVE_HULL.head("MAE"),
    "rmse": Col.E_ABOVE_HULL.head("RMSE"),
    "bias": Col.E_ABOVE_HULL.head("bias"),
    "share": "same side / %",
    "share_low": "same side, low / %",
    "share_high": "same side, high / %",
    "spearman": "rank correlation (Spearman)",
    Col.E_ABOVE_HULL.by("first"): Col.E_ABOVE_HULL.head("first"),
    Col.E_ABOVE_HULL.by("second"): Col.E_ABOVE_HULL.head("second"),
    "difference": Col.E_ABOVE_HULL.head("difference"),
}
KINDS = {"reference": (BLACK, "diamond-open"), "candidate": (GUIDED[1], "circle")}


def agreement_panels(data: ReportData) -> tuple[Panel, ...]:
    """A panel where a campaign has several estimators; else nothing."""
    table, worst = data.agreement, data.disagreements
    if table is None or worst is None or not table.height:
        return ()
    judged = table.filter(pl.col("first_key") == "").unique("second_key", maintain_order=True)
    drawings = (
        (
            f"{row['first']} and {row['second']}",
            parity_figure(data.hull, row["second_key"], row["first"], row["second"]),
        )
        for row in judged.iter_rows(named=True)
    )
    listed = worst.group_by("first", "second", "kind", maintain_order=True).head(SHOWN_WORST)
    return (
        Panel(
            "agreement",
            "Do the estimators agree?",
            TEXT,
            tuple((title, figure) for title, figure in drawings if figure is not None),
            (("", plain_view(table.drop("first_key", "second_key"), HEADS)),),
            missing="No structure has a value by two estimators.",
            details=(("Worst disagreements", plain_view(listed, HEADS)),),
        ),
    )


def parity_figure(hull: pl.DataFrame, key: str, first: str, second: str) -> Figure | None:
    """Energies above the hull (eV/atom) by another estimator against those of the judge.

    `hull` is the judge's table with a column `e_above_hull_<key>`.
    """
    other = Col.E_ABOVE_HULL.by(key)
    if other not in hull.columns:
        return None
    known = hull.filter(pl.col(Col.E_ABOVE_HULL).is_finite() & pl.col(other).is_finite())
    if not known.height:
        return None
    import plotly.graph_objects as go

    figure = go.Figure()
    shown = [part for kind in KINDS for part in (known.filter(pl.col("kind") == kind),) if part.height]
    points = [part.sort(Col.E_ABOVE_HULL, "id").head(MOST_POINTS) for part in shown]
    ends = [float(f(part[c])) for part in points for c in (Col.E_ABOVE_HULL, other) for f in (min, max)]
    low, high = min(ends), max(ends)
    figure.add_scatter(
        x=[low, high], y=[low, high], mode="lines", line={"color": GREY, "width": 1}, name="equal",
        hoverinfo="skip",
    )  # fmt: skip
    for whole, part in zip(shown, points, strict=True):
        kind = part["kind"][0]
        color, symbol = KINDS[kind]
        some = f", lowest {part.height:,} of {whole.height:,}" if part.height < whole.height else ""
        figure.add_scatter(
            x=part[Col.E_ABOVE_HULL].to_list(),
            y=part[other].to_list(),
            mode="markers",
            marker={"size": 6, "opacity": 0.6, "color": color, "symbol": symbol},
            name=f"{kind}s{some}",
            text=[label(name) for name in part["id"]],
            hovertemplate=f"%{{text}}<br>%{{x:.3f}} and %{{y:.3f}} {Col.E_ABOVE_HULL.unit}<extra></extra>",
        )
    for draw in (figure.add_hline, figure.add_vline):
        draw(METASTABLE, line={"color": GREY, "dash": "dot", "width": 1})
    titles = [Col.E_ABOVE_HULL.head(f"{Col.E_ABOVE_HULL} by {label(name)}") for name in (first, second)]
    return apply_layout(figure, *titles)
