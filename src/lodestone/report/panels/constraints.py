"""A panel per constraint: its distributions, its terms against each other, loss against stability."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from lodestone.columns import Col
from lodestone.report import texts
from lodestone.report.figures.distributions import counts_figure, distribution_figure
from lodestone.report.figures.joint import Target, joint_figure
from lodestone.report.figures.pareto import loss_unit, pareto_figure
from lodestone.report.palette import Style
from lodestone.report.panel import Panel, styles_of
from lodestone.report.reading import ReportData
from lodestone.statistics.quantities import REFERENCES

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PLACE = 40
CATEGORY = "constraints"
Titled = tuple[str, "Figure"]


def panels(data: ReportData) -> Iterator[Panel]:
    """The panel of every constraint, in the campaign's order."""
    drawn = styles_of(data)
    for constraint in data.summary["constraints"]:
        name = constraint["name"]
        figures = [
            *_distributions(constraint, data, drawn),
            *_joint(constraint, data, drawn),
            *_pareto(constraint, data, drawn),
        ]
        yield Panel(
            f"constraint-{name}",
            f"{name}: distribution and trade-off",
            texts.CONSTRAINT,
            tuple(figures),
            missing="No structure of this campaign has a value for this constraint.",
        )


def relevant(constraint: str, data: ReportData) -> list[str]:
    """The arms that speak of a constraint: without guidance, and guided by it."""
    return [a["name"] for a in data.summary["arms"] if a["constraint"] in (None, constraint)]


def _distributions(
    constraint: Mapping[str, Any], data: ReportData, drawn: Mapping[str, Style]
) -> Iterator[Titled]:
    name = constraint["name"]
    groups = [*relevant(name, data), REFERENCES]
    rows = data.statistics["distributions"].filter(
        pl.col("constraint") == name, pl.col("group").is_in(groups)
    )
    for i, (term, (spans, tolerance)) in enumerate(
        zip(constraint["terms"], _targets(constraint), strict=True)
    ):
        own = rows.filter(pl.col("term") == i)
        for title, figure in (
            (f"{term['words']}", distribution_figure(own, drawn, spans, tolerance)),
            (f"{term['words']}: neighbours of single atoms", counts_figure(own, drawn, spans, tolerance)),
        ):
            if figure is not None:
                yield title, figure


def _joint(constraint: Mapping[str, Any], data: ReportData, drawn: Mapping[str, Style]) -> Iterator[Titled]:
    name = constraint["name"]
    rows = data.statistics["joint"].filter(pl.col("constraint") == name)
    groups = relevant(name, data)
    column = Col.VALUES.of(name)
    values = {
        arm: data.candidates.filter(pl.col("arm") == arm)[column].to_list()
        for arm in (groups if rows.height else ())
    }
    targets, words = _targets(constraint), [t["words"] for t in constraint["terms"]]
    for (x, y), pair in rows.group_by("term_x", "term_y", maintain_order=True):
        both = targets[int(str(x))], targets[int(str(y))]
        figure = joint_figure(pair, values, both, [*groups, REFERENCES], drawn)
        if figure is not None:
            yield f"{words[int(str(x))]}, against {words[int(str(y))]}", figure


def _targets(constraint: Mapping[str, Any]) -> list[Target]:
    """Spans and tolerance of every term; a term without a tolerance has that of the constraint."""
    within = constraint["satisfied_within"]
    return [
        (term["spans"], within if term["tolerance"] is None else term["tolerance"])
        for term in constraint["terms"]
    ]


def _pareto(constraint: Mapping[str, Any], data: ReportData, drawn: Mapping[str, Style]) -> Iterator[Titled]:
    name = constraint["name"]
    points = data.statistics["pareto"].filter(pl.col("constraint") == name)
    configured = data.record.get("config", {}).get("constraints", {}).get(name, {}).get("terms", [])
    distances = [term.get("distance") for term in configured] or [None] * len(constraint["terms"])
    terms = [t | {"distance": d} for t, d in zip(constraint["terms"], distances, strict=False)]
    figure = pareto_figure(
        points, drawn, data.summary["shown_below"], unit=loss_unit(terms), arms=relevant(name, data)
    )
    if figure is not None:
        yield "loss against e_above_hull, with the first fronts", figure
