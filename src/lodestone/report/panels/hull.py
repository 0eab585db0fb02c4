"""Stability: the convex hull with candidates and references, and energies above it by arm."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from lodestone.columns import Col
from lodestone.report import texts
from lodestone.report.figures.hulls import above_hull_figure, hull_figure
from lodestone.report.panel import Panel, styles_of
from lodestone.report.reading import ReportData

PLACE = 50
CATEGORY = "stability"


def panels(data: ReportData) -> Iterator[Panel]:
    """The hull of the chemical system."""
    drawn = styles_of(data)
    shown_below = data.summary["shown_below"]
    elements = data.summary["chemical_system"].split("-")
    energies = data.reference_energies.select("id", Col.ENERGY_PER_ATOM)
    references = (
        data.references.select("id", "formula")
        .join(energies, on="id", how="inner")
        .join(data.hull.filter(pl.col("kind") == "reference").select("id", "kind", Col.E_ABOVE_HULL), on="id")
    )
    candidates = data.candidates.filter(pl.col(Col.IS_REPRESENTATIVE).fill_null(value=False)).select(
        "id", "formula", Col.ENERGY_PER_ATOM, pl.lit("candidate").alias("kind"), Col.E_ABOVE_HULL
    )
    points = pl.concat([references.select(candidates.columns), candidates])
    drawings = (
        ("convex hull (composition in atomic fractions)", hull_figure(points, elements, shown_below)),
        ("energies above the hull, by arm", above_hull_figure(data.candidates, drawn)),
    )
    yield Panel(
        "hull",
        "Stability",
        texts.STABILITY.format(shown_below=shown_below),
        tuple((t, f) for t, f in drawings if f is not None),
        missing="No energy above the hull is known.",
    )
