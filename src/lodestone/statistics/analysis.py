"""From the joined tables of a campaign to every table of statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from lodestone.columns import Col
from lodestone.statistics.attrition import attrition
from lodestone.statistics.best import choose_best
from lodestone.statistics.candidates import join_hull, stack, structures_of
from lodestone.statistics.cost import Effort, cost
from lodestone.statistics.distributions import distributions
from lodestone.statistics.diversity import diversity
from lodestone.statistics.joint import joint
from lodestone.statistics.pareto import pareto, rank_columns
from lodestone.statistics.plan import Plan
from lodestone.statistics.quality import first_of_its_kind, quality
from lodestone.statistics.quantities import measure_structures, quantities
from lodestone.statistics.sampler_tables import search, strictness
from lodestone.statistics.success import rates, success

if TYPE_CHECKING:
    from lodestone.constraints.context import Context


@dataclass(frozen=True)
class Analysis:
    """Every table that the analysis writes; see `schemas` for columns and units."""

    candidates: pl.DataFrame
    rates: pl.DataFrame
    success: pl.DataFrame
    attrition: pl.DataFrame
    reasons: pl.DataFrame
    pareto: pl.DataFrame
    diversity: pl.DataFrame
    quality: pl.DataFrame
    cost: pl.DataFrame
    distributions: pl.DataFrame
    joint: pl.DataFrame
    search: pl.DataFrame
    strictness: pl.DataFrame


def analyse(
    arms: Mapping[str, pl.DataFrame],
    references: pl.DataFrame,
    hull: pl.DataFrame,
    plan: Plan,
    efforts: Mapping[str, Effort] | None = None,
    context: Context | None = None,
) -> Analysis:
    """Join, measure the processed structures, count, test and rank.

    `arms` holds the joined stage tables of every arm (`tables.candidates.join_arm`), `hull` the
    rows of candidates and references, `efforts` what sampling took per arm, where that is known,
    `context` what terms need that ask for a hull.
    """
    candidates = _with_processed(join_hull(stack(arms), hull), plan, context)
    known = _references(references, hull, plan, context)
    points = pareto(candidates, known, plan)
    candidates = _with_ranks(candidates, points, plan)
    split = {name: candidates.filter(pl.col("arm") == name) for name in arms}
    kinds = {
        (c.name, name): first_of_its_kind(rows, c.name, plan.matching)
        for c in plan.constraints
        for name, rows in split.items()
    }
    losses, reasons = attrition(split, plan.shown_below, plan.alpha, plan.seed)
    measured = quantities(split, known, plan)
    return Analysis(
        candidates=candidates,
        rates=rates(split, plan),
        success=success(split, plan),
        attrition=losses,
        reasons=reasons,
        pareto=points,
        diversity=diversity(split, plan),
        quality=quality(split, plan, kinds),
        cost=cost(split, plan, kinds, efforts or {}),
        distributions=distributions(measured),
        joint=joint(measured),
        search=search(split, plan),
        strictness=strictness(split, plan),
    )


def _with_processed(candidates: pl.DataFrame, plan: Plan, context: Context | None) -> pl.DataFrame:
    """Measurements of the symmetrised structures that passed the screen."""
    passed = pl.col(Col.PASSED).fill_null(value=False)
    blank = [pl.when(passed).then(pl.col(f"sym_{c}")).alias(f"sym_{c}") for c in ("numbers", "cell")]
    structures = structures_of(candidates.with_columns(blank), "sym")
    measured = [measure_structures(structures, c, context) for c in plan.constraints]
    return pl.concat([candidates, *measured], how="horizontal")


def _with_ranks(candidates: pl.DataFrame, points: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    found = rank_columns(points)
    for constraint in plan.constraints:
        name = Col.PARETO_RANK.of(constraint.name)
        ranks = found.get(constraint.name, pl.DataFrame(schema={"id": pl.String, name: pl.Int32}))
        candidates = candidates.join(ranks, on="id", how="left", maintain_order="left")
    return candidates.join(choose_best(candidates, plan), on="id", how="left", maintain_order="left")


def _references(
    references: pl.DataFrame, hull: pl.DataFrame, plan: Plan, context: Context | None
) -> pl.DataFrame:
    """References with their measurements and with the campaign's own energy above the hull."""
    measured = [measure_structures(references, c, context) for c in plan.constraints]
    known = references.rename(
        {c: f"own_{c}" for c in (Col.E_ABOVE_HULL, Col.ENERGY_PER_ATOM) if c in references.columns}
    )
    own = hull.filter(pl.col("kind") == "reference").select("id", Col.E_ABOVE_HULL, Col.HULL_NOTE)
    joined = pl.concat([known, *measured], how="horizontal")
    return joined.join(own, on="id", how="left", maintain_order="left")
