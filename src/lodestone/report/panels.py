"""The figures and tables below the first screen, each with its title and what a reader should know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from lodestone.report import texts
from lodestone.report.cells import plain_view
from lodestone.report.cost import cost_panel, pilot_panels
from lodestone.report.evidence import tests_view
from lodestone.report.figures.agreement import agreement_panels
from lodestone.report.figures.distributions import counts_figure, distribution_figure
from lodestone.report.figures.estimator import parity_figure, parity_table
from lodestone.report.figures.hull import above_hull_figure, hull_figure
from lodestone.report.figures.pareto import pareto_figure
from lodestone.report.figures.rates import attrition_figure, rates_figure
from lodestone.report.figures.space_groups import space_group_figure
from lodestone.report.palette import Style, styles
from lodestone.report.panel import Panel
from lodestone.report.reading import ReportData
from lodestone.report.sources import sources_panel
from lodestone.report.texts import HEADS
from lodestone.statistics.attrition import STAGES
from lodestone.statistics.plan import ArmPlan

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def panels(data: ReportData) -> list[Panel]:
    """Every panel in reading order."""
    arms = [ArmPlan(a["name"], a["kind"], a["constraint"], a["strength"]) for a in data.summary["arms"]]
    drawn = styles(arms)
    return [
        _guidance(data),
        cost_panel(data),
        *pilot_panels(data),
        *_constraints(data, drawn),
        _hull(data, drawn),
        _attrition(data, drawn),
        _diversity(data, drawn),
        _quality(data),
        _estimator(data),
        *agreement_panels(data),
        _audit(data),
        sources_panel(data),
    ]


def _guidance(data: ReportData) -> Panel:
    found = tuple(
        (c["name"], figure)
        for c in data.summary["constraints"]
        if (figure := rates_figure(data.statistics["rates"], c["name"], _relevant(c["name"], data)))
    )
    tests = data.statistics["success"]
    details = (("All comparisons", tests_view(tests)),) if tests.height else ()
    return Panel(
        "guidance",
        "Did guidance work?",
        texts.GUIDANCE,
        found,
        missing="There is no constraint to test.",
        details=details,
    )


def _constraints(data: ReportData, drawn: Mapping[str, Style]) -> Iterator[Panel]:
    for constraint in data.summary["constraints"]:
        name = constraint["name"]
        figures = [*_distributions(constraint, data, drawn), *_pareto(name, data, drawn)]
        yield Panel(
            f"constraint-{name}",
            f"{name}: distribution and trade-off",
            texts.CONSTRAINT,
            tuple(figures),
            missing="No structure of this campaign has a value for this constraint.",
        )


def _distributions(
    constraint: Mapping[str, Any], data: ReportData, drawn: Mapping[str, Style]
) -> Iterator[tuple[str, Figure]]:
    name = constraint["name"]
    groups = [*_relevant(name, data), "references"]
    rows = data.statistics["distributions"].filter(
        pl.col("constraint") == name, pl.col("group").is_in(groups)
    )
    for i, term in enumerate(constraint["terms"]):
        own = rows.filter(pl.col("term") == i)
        own_tolerance = term["tolerance"]
        tolerance = constraint["satisfied_within"] if own_tolerance is None else own_tolerance
        for title, figure in (
            (f"{term['words']}", distribution_figure(own, drawn, term["spans"], tolerance)),
            ("neighbours of single atoms", counts_figure(own, drawn)),
        ):
            if figure is not None:
                yield title, figure


def _pareto(name: str, data: ReportData, drawn: Mapping[str, Style]) -> Iterator[tuple[str, Figure]]:
    points = data.statistics["pareto"].filter(pl.col("constraint") == name)
    figure = pareto_figure(points, drawn, data.summary["shown_below"])
    if figure is not None:
        yield "loss against energy above the hull", figure


def _hull(data: ReportData, drawn: Mapping[str, Style]) -> Panel:
    shown_below = data.summary["shown_below"]
    elements = data.summary["chemical_system"].split("-")
    energies = data.reference_energies.select("id", "energy_per_atom")
    references = (
        data.references.select("id", "formula")
        .join(energies, on="id", how="inner")
        .join(data.hull.filter(pl.col("kind") == "reference").select("id", "kind", "e_above_hull"), on="id")
    )
    candidates = data.candidates.filter(pl.col("is_representative").fill_null(value=False)).select(
        "id", "formula", "energy_per_atom", pl.lit("candidate").alias("kind"), "e_above_hull"
    )
    points = pl.concat([references.select(candidates.columns), candidates])
    drawings = (
        ("convex hull", hull_figure(points, elements, shown_below)),
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
    figure = space_group_figure(data.candidates, drawn)
    return Panel(
        "diversity",
        "Diversity",
        texts.DIVERSITY,
        (("space groups", figure),) if figure else (),
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
        pl.col("constraint") == constraint, pl.col("arm").is_in(_relevant(constraint, data))
    )
    return rows.drop("constraint")


def _estimator(data: ReportData) -> Panel:
    figure = parity_figure(parity_table(data.references, data.reference_energies))
    error = data.estimator_error
    return Panel(
        "estimator",
        "Error of the energy estimator",
        texts.ESTIMATOR,
        (("parity", figure),) if figure else (),
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


def _relevant(constraint: str, data: ReportData) -> list[str]:
    return [a["name"] for a in data.summary["arms"] if a["constraint"] in (None, constraint)]
