"""The figures and tables below the first screen, each with its title and what a reader should know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from lodestone.columns import Col
from lodestone.pilot.record import tried_table
from lodestone.report import texts
from lodestone.report.cells import plain_view
from lodestone.report.evidence import tests_view
from lodestone.report.figures.agreement import agreement_panels
from lodestone.report.figures.estimator import (
    distance_figure,
    distance_table,
    error_row,
    parity_figure,
    parity_table,
)
from lodestone.report.figures.hulls import above_hull_figure, hull_figure
from lodestone.report.figures.rates import attrition_figure, rates_figure
from lodestone.report.figures.space_groups import crystal_system_figure, space_group_figure
from lodestone.report.figures.sweep import pilot_tables, quality_table, sweep_figure, sweep_table, swept
from lodestone.report.palette import Style, styles
from lodestone.report.panel import Panel
from lodestone.report.panels.constraints import constraint_panels, relevant
from lodestone.report.panels.cost import cost_panel, pilot_panels
from lodestone.report.panels.samplers import sampler_panels
from lodestone.report.panels.sources import sources_panel
from lodestone.report.reading import ReportData
from lodestone.report.texts import HEADS
from lodestone.statistics.attrition import STAGES
from lodestone.statistics.plan import ArmPlan


def panels(data: ReportData) -> list[Panel]:
    """Every panel in reading order."""
    arms = [ArmPlan(a["name"], a["kind"], a["constraint"], a["strength"]) for a in data.summary["arms"]]
    drawn = styles(arms)
    return [
        _guidance(data),
        *_sweep(data),
        cost_panel(data),
        *pilot_panels(data),
        *constraint_panels(data, drawn),
        _hull(data, drawn),
        _attrition(data, drawn),
        _diversity(data, drawn),
        _quality(data),
        *sampler_panels(data),
        _estimator(data),
        *agreement_panels(data),
        _audit(data),
        sources_panel(data),
    ]


def _guidance(data: ReportData) -> Panel:
    names = [c["name"] for c in data.summary["constraints"]]
    rates = data.statistics["rates"]
    drawn = [(name, rates_figure(rates, name, relevant(name, data))) for name in names]
    tests = data.statistics["success"]
    return Panel(
        "guidance",
        "Did guidance work?",
        texts.GUIDANCE,
        tuple((name, figure) for name, figure in drawn if figure is not None),
        missing="There is no constraint to test.",
        details=(("All comparisons", tests_view(tests)),) if tests.height else (),
    )


def _sweep(data: ReportData) -> Iterator[Panel]:
    """A panel where several strengths were sampled, or tried by a pilot."""
    figures = tuple(
        (title, figure) for title, tables in _sweeps(data) if (figure := sweep_figure(*tables)) is not None
    )
    if figures:
        yield Panel("sweep", "How strong?", texts.SWEEP, figures)


def _sweeps(data: ReportData) -> Iterator[tuple[str, tuple[pl.DataFrame, pl.DataFrame]]]:
    alpha = data.summary["alpha"]
    for constraint in data.summary["constraints"]:
        rates = sweep_table(data.statistics["rates"], constraint["name"])
        if swept(rates):
            yield constraint["name"], (rates, quality_table(data.candidates, rates, alpha))
        if constraint.get("pilot"):
            tried = tried_table(constraint["pilot"])
            yield f"{constraint['name']}: trials of the pilot", pilot_tables(tried, alpha)


def _hull(data: ReportData, drawn: Mapping[str, Style]) -> Panel:
    shown_below = data.summary["shown_below"]
    elements = data.summary["chemical_system"].split("-")
    energies = data.reference_energies.select("id", Col.ENERGY_PER_ATOM)
    references = (
        data.references.select("id", Col.FORMULA)
        .join(energies, on="id", how="inner")
        .join(data.hull.filter(pl.col("kind") == "reference").select("id", "kind", Col.E_ABOVE_HULL), on="id")
    )
    candidates = data.candidates.filter(pl.col(Col.IS_REPRESENTATIVE).fill_null(value=False)).select(
        "id", Col.FORMULA, Col.ENERGY_PER_ATOM, pl.lit("candidate").alias("kind"), Col.E_ABOVE_HULL
    )
    points = pl.concat([references.select(candidates.columns), candidates])
    drawings = (
        ("convex hull (composition in atomic fractions)", hull_figure(points, elements, shown_below)),
        ("energies above the hull, by arm", above_hull_figure(data.candidates, drawn)),
    )
    return Panel(
        "hull",
        "Stability",
        texts.STABILITY.format(shown_below=shown_below),
        tuple((t, f) for t, f in drawings if f is not None),
        missing="No energy above the hull is known.",
    )


def _attrition(data: ReportData, drawn: Mapping[str, Style]) -> Panel:
    table = data.statistics["attrition"]
    counts = table.pivot("stage", index="arm", values="survived").select("arm", *STAGES)
    figure = attrition_figure(table, drawn)
    return Panel(
        "attrition",
        "Attrition",
        texts.ATTRITION,
        (("structures left", figure),) if figure else (),
        (("Structures left after each stage", plain_view(counts, {s: s.replace("_", " ") for s in STAGES})),),
        missing="Nothing was generated.",
        details=(("Reasons", plain_view(data.statistics["attrition_reasons"])),),
    )


def _diversity(data: ReportData, drawn: Mapping[str, Style]) -> Panel:
    drawings = (
        ("crystal systems", crystal_system_figure(data.candidates, drawn)),
        ("space groups", space_group_figure(data.candidates, drawn)),
    )
    return Panel(
        "diversity",
        "Diversity",
        texts.DIVERSITY,
        tuple((title, figure) for title, figure in drawings if figure is not None),
        (("", plain_view(data.statistics["diversity"], HEADS)),),
        missing="No structure passed the screen.",
    )


def _quality(data: ReportData) -> Panel:
    return Panel(
        "quality",
        "Quality",
        texts.QUALITY,
        tables=tuple(
            (c["name"], plain_view(_quality_of(c["name"], data), HEADS)) for c in data.summary["constraints"]
        ),
    )


def _quality_of(constraint: str, data: ReportData) -> pl.DataFrame:
    rows = data.statistics["quality"].filter(
        pl.col("constraint") == constraint, pl.col("arm").is_in(relevant(constraint, data))
    )
    return rows.drop("constraint")


def _estimator(data: ReportData) -> Panel:
    error = data.estimator_error
    drawings = (
        (
            "energies of the references",
            parity_figure(
                parity_table(data.references, data.reference_energies), error_row(error, Col.ENERGY_PER_ATOM)
            ),
        ),
        (
            "error against distance to the hull",
            distance_figure(distance_table(data.references, data.hull), error_row(error, Col.E_ABOVE_HULL)),
        ),
    )
    return Panel(
        "estimator",
        "Error of the energy estimator",
        texts.ESTIMATOR,
        tuple((title, figure) for title, figure in drawings if figure is not None),
        (("", plain_view(error, HEADS)),) if error is not None and error.height else (),
        missing="No reference has both energies: the estimator could not be checked.",
    )


def _audit(data: ReportData) -> Panel:
    table = data.audit
    return Panel(
        "audit",
        "Audit of the hull",
        texts.AUDIT,
        tables=(("", plain_view(table, HEADS)),) if table is not None and table.height else (),
        missing="" if table is not None and table.height else "The hull was not audited.",
    )
