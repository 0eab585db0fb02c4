"""How far several estimators agree in energies above the hull: parity, table and worst disagreements."""

from __future__ import annotations

import polars as pl

from lodestone.energies.errors import METASTABLE
from lodestone.report.cells import plain_view
from lodestone.report.figures.agreement import parity_figure
from lodestone.report.panel import Panel
from lodestone.report.reading import ReportData

PLACE = 110
CATEGORY = "estimator"
SHOWN_WORST = 20
TEXT = f"""Every estimator judges candidates and references by the hull of its own reference energies;
energies themselves differ by their zeros. Differences are second minus first. The share is that of
structures that both put below, or both above, {METASTABLE:g} eV/atom, with a Wilson interval; the other
intervals are bootstrapped. What one of the two has no value for, or has in quarantine, is counted and not
compared. The ranking and every test use the first estimator alone."""
HEADS = {
    "mae": "MAE / eV/atom",
    "rmse": "RMSE / eV/atom",
    "bias": "bias / eV/atom",
    "share": "same side / %",
    "share_low": "same side, low / %",
    "share_high": "same side, high / %",
    "spearman": "rank correlation (Spearman)",
    "e_above_hull_first": "first / eV/atom",
    "e_above_hull_second": "second / eV/atom",
    "difference": "difference / eV/atom",
}


def panels(data: ReportData) -> tuple[Panel, ...]:
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
