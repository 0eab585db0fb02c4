"""Non-dominated fronts of (loss, energy above the hull) over candidates and references."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.columns.schemas import PARETO
from lodestone.statistics.outcomes import quarantined
from lodestone.statistics.plan import Plan


def ranks(values: np.ndarray) -> np.ndarray:
    """Pareto rank of every row of `values` (n_points, n_objectives), all minimised; 1 = not dominated.

    Equal points share a rank (fast non-dominated sorting; Deb et al., IEEE Trans. Evol. Comput. 6,
    182, 2002).
    """
    found = np.zeros(len(values), dtype=int)
    if len(values):
        from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

        for rank, front in enumerate(NonDominatedSorting().do(np.asarray(values, dtype=float)), 1):
            found[front] = rank
    return found


def pareto(candidates: pl.DataFrame, references: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Ranked points of every constraint: screened representatives of all arms, and references.

    Losses are those of the processed structures, as the energies are. `references` carries id,
    formula, e_above_hull, hull_note and "<c>.processed_loss". A point without loss or energy, or
    whose energy is quarantined, has no rank and is left out here (it stays in the candidate table).
    """
    pools = [_points(candidates, references, c.name) for c in plan.constraints]
    ranked = [
        pool.with_columns(pl.Series("rank", ranks(pool.select(Col.LOSS, Col.E_ABOVE_HULL).to_numpy())))
        for pool in pools
    ]
    empty = pl.DataFrame(schema=PARETO)
    return pl.concat([empty, *(r.select(list(PARETO)).cast(PARETO) for r in ranked)])  # type: ignore[arg-type]


def rank_columns(points: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """Per constraint: id and "<c>.pareto_rank" of the candidates."""
    own = points.filter(pl.col("kind") == "candidate")
    return {
        str(name): part.select("id", pl.col("rank").alias(Col.PARETO_RANK.of(name)))
        for (name,), part in own.group_by("constraint", maintain_order=True)
    }


def _points(candidates: pl.DataFrame, references: pl.DataFrame, constraint: str) -> pl.DataFrame:
    leads = pl.col(Col.IS_REPRESENTATIVE).fill_null(value=False)
    own = candidates.filter(leads & ~quarantined()).select(
        pl.lit("candidate").alias("kind"),
        "id",
        "arm",
        Col.FORMULA,
        pl.col(Col.SPACE_GROUP).cast(pl.Int32),
        *_objectives(constraint),
    )
    known = references.filter(~quarantined()).select(
        pl.lit("reference").alias("kind"),
        "id",
        pl.lit(None, pl.String).alias("arm"),
        Col.FORMULA,
        pl.lit(None, pl.Int32).alias(Col.SPACE_GROUP),
        *_objectives(constraint),
    )
    both = pl.concat([own, known]).with_columns(pl.lit(constraint).alias("constraint"))
    return both.filter(pl.col(Col.LOSS).is_finite() & pl.col(Col.E_ABOVE_HULL).is_finite())


def _objectives(constraint: str) -> list[pl.Expr]:
    return [
        pl.col(Col.PROCESSED_SATISFIED.of(constraint)).alias(Col.SATISFIED),
        pl.col(Col.PROCESSED_LOSS.of(constraint)).alias(Col.LOSS),
        pl.col(Col.E_ABOVE_HULL).cast(pl.Float64),
    ]
