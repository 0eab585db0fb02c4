"""How much strength is enough: rates, validity and energies against the strength of guidance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from lodestone.columns import Col
from lodestone.inference.intervals import wilson
from lodestone.report.palette import BLACK, OUTCOMES, apply_layout
from lodestone.statistics.verdict import NAMES

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SYMBOLS = ("circle", "square", "diamond", "x")
DASHES = ("solid", "dash", "dot", "dashdot")
FEWEST = 2
"""Strengths beside the control; a single one is no sweep."""
ROWS = ("share / %", "valid / %", f"{Col.E_ABOVE_HULL}<br>/ {Col.E_ABOVE_HULL.unit}")
COLUMNS = (Col.STRENGTH, "outcome", "n", "successes", "rate", "low", "high")


def sweep_table(rates: pl.DataFrame, constraint: str) -> pl.DataFrame:
    """Rates of the control (strength 0 Å) and of the guided arms of a constraint: `COLUMNS`.

    `rates` is the table of rates; intervals are those over lineages where structures share them.
    """
    own = pl.col(Col.ARM_KIND).eq("guided") & pl.col("guided_by").eq(constraint)
    return (
        rates.filter(
            pl.col("constraint") == constraint, pl.col(Col.ARM_KIND).eq("control") | own, pl.col("n") > 0
        )
        .with_columns(
            strength=pl.when(pl.col(Col.ARM_KIND) == "control").then(0.0).otherwise(Col.STRENGTH),
            low=pl.coalesce("cluster_bootstrap_low", "ci_low"),
            high=pl.coalesce("cluster_bootstrap_high", "ci_high"),
        )
        .select("arm", *COLUMNS)
        .sort(Col.STRENGTH, maintain_order=True)
    )


def swept(rates: pl.DataFrame) -> bool:
    """Whether several strengths were tried."""
    return rates.filter(pl.col(Col.STRENGTH) > 0)[Col.STRENGTH].n_unique() >= FEWEST


def quality_table(candidates: pl.DataFrame, arms: pl.DataFrame, alpha: float = 0.05) -> pl.DataFrame:
    """Per arm of `arms` (arm, strength): share of valid structures with Wilson's interval, energies.

    Energies above the hull are those of screened structures, duplicates included: median and quartiles.
    """
    rows = []
    for arm, strength in arms.select("arm", Col.STRENGTH).unique(maintain_order=True).iter_rows():
        own = candidates.filter(pl.col("arm") == arm)
        valid = int(own[Col.VALID].fill_null(value=False).sum())
        interval = wilson(valid, own.height, alpha)
        energies = own[Col.E_ABOVE_HULL].cast(pl.Float64).drop_nulls().drop_nans()
        quartiles = [energies.quantile(q, "linear") for q in (0.25, 0.5, 0.75)]
        share = valid / own.height if own.height else None
        rows.append((strength, own.height, valid, share, interval.low, interval.high, *quartiles))
    names = (Col.STRENGTH, "n", Col.VALID, "share", "low", "high", "q1", "median", "q3")
    kinds = [pl.Float64(), pl.Int64(), pl.Int64(), *[pl.Float64()] * 6]
    schema = dict(zip(names, kinds, strict=True))
    return pl.DataFrame(rows, schema=schema, orient="row").sort(Col.STRENGTH)


def pilot_tables(tried: pl.DataFrame, alpha: float = 0.05) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both tables of a sweep from a pilot's trials: the last round in which each strength took part."""
    last = (
        tried.with_columns(strength=pl.col(Col.STRENGTH).fill_null(0.0))
        .sort("round", maintain_order=True)
        .unique(Col.STRENGTH, keep="last", maintain_order=True)
        .sort(Col.STRENGTH)
    )
    rates, quality = [], []
    for row in last.iter_rows(named=True):
        for outcome in (Col.SATISFIED, Col.SATISFIED_VALID):
            seen = wilson(row[outcome], row["n"], alpha)
            share = row[outcome] / row["n"] if row["n"] else None
            rates.append((row[Col.STRENGTH], outcome, row["n"], row[outcome], share, seen.low, seen.high))
        seen = wilson(row[Col.VALID], row["n"], alpha)
        share, energy = row["valid_share"], row["energy"]
        quality.append(
            (row[Col.STRENGTH], row["n"], row[Col.VALID], share, seen.low, seen.high, None, energy, None)
        )
    counts = {"n": pl.Int64(), "successes": pl.Int64(), Col.VALID: pl.Int64(), "outcome": pl.String()}
    names = (Col.STRENGTH, "n", Col.VALID, "share", "low", "high", "q1", "median", "q3")
    return (
        pl.DataFrame(rates, {c: counts.get(c, pl.Float64()) for c in COLUMNS}, orient="row"),
        pl.DataFrame(quality, {c: counts.get(c, pl.Float64()) for c in names}, orient="row"),
    )


def sweep_figure(rates: pl.DataFrame, quality: pl.DataFrame) -> Figure | None:
    """Rates of the outcomes, validity and energy above the hull against the strength (Å); 0 is the control.

    None where fewer than two strengths were tried.
    """
    if not swept(rates):
        return None
    strengths = sorted(rates.filter(pl.col(Col.STRENGTH) > 0)[Col.STRENGTH].unique())
    from plotly.subplots import make_subplots

    figure = make_subplots(3, 1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[0.5, 0.25, 0.25])
    step = min(b - a for a, b in zip([0.0, *strengths], strengths, strict=False))
    for k, outcome in enumerate(NAMES):
        part = rates.filter(pl.col("outcome") == outcome, pl.col("rate").is_not_null())
        if part.height:
            _line(figure, part, k, step)
    _below(figure, quality)
    apply_layout(figure, "", "", height=640)
    figure.update_xaxes(title_text=f"{Col.STRENGTH.label} (0: control)", row=3, col=1)
    for row, title in enumerate(ROWS, 1):
        figure.update_yaxes(title_text=title, row=row, col=1)
    figure.update_yaxes(rangemode="tozero", row=1, col=1)
    figure.update_yaxes(range=[0, 105], row=2, col=1)
    return figure.update_layout(margin_t=20)


def _line(figure: Figure, part: pl.DataFrame, k: int, step: float) -> None:
    """One outcome; points of one strength stand a little apart so that their bars can be read."""
    figure.add_scatter(
        x=[s + 0.06 * step * (k - 1.5) for s in part[Col.STRENGTH]],
        y=_hundred(part["rate"]),
        error_y=_bars(part["rate"], part["low"], part["high"], 100.0),
        mode="lines+markers",
        line={"color": OUTCOMES[k], "dash": DASHES[k]},
        marker={"color": OUTCOMES[k], "symbol": SYMBOLS[k], "size": 9},
        name=list(NAMES.values())[k],
        customdata=part.select(Col.STRENGTH, "successes", "n").rows(),
        hovertemplate="%{customdata[0]:g} Å: %{customdata[1]} of %{customdata[2]} = %{y:.1f} %"
        "<extra>%{fullData.name}</extra>",
        row=1, col=1,
    )  # fmt: skip


def _below(figure: Figure, quality: pl.DataFrame) -> None:
    known = quality.filter(pl.col("share").is_not_null())
    look = {"mode": "lines+markers", "line": {"color": BLACK}, "showlegend": False}
    figure.add_scatter(
        x=known[Col.STRENGTH].to_list(), y=_hundred(known["share"]),
        error_y=_bars(known["share"], known["low"], known["high"], 100.0),
        customdata=known.select(Col.VALID, "n").rows(), row=2, col=1,
        hovertemplate="%{x:g} Å: %{customdata[0]} of %{customdata[1]} valid = %{y:.1f} %<extra></extra>",
        **look,
    )  # fmt: skip
    energies = quality.filter(pl.col("median").is_not_null())
    figure.add_scatter(
        x=energies[Col.STRENGTH].to_list(), y=energies["median"].to_list(), row=3, col=1,
        error_y=_bars(energies["median"], energies["q1"], energies["q3"], 1.0),
        hovertemplate="%{x:g} Å: median %{y:.3f} eV/atom<extra></extra>", **look,
    )  # fmt: skip


def _bars(value: pl.Series, low: pl.Series, high: pl.Series, factor: float) -> dict[str, object]:
    """Error bars from bounds; none where a bound is not known."""
    up, down = (high.fill_null(value) - value), (value - low.fill_null(value))
    return {"type": "data", "array": (factor * up).to_list(), "arrayminus": (factor * down).to_list()} | {
        "thickness": 1.5
    }


def _hundred(share: Sequence[float] | pl.Series) -> list[float]:
    return [100.0 * value for value in share]
