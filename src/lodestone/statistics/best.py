"""Choice of the best candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from lodestone.statistics.outcomes import quarantined
from lodestone.statistics.plan import Plan
from lodestone.structures.table import to_pymatgen
from lodestone.tables.candidates import structures_of

if TYPE_CHECKING:
    from pymatgen.core import Structure

RULE = (
    "Eligible are structures that satisfy a constraint as generated and still do after symmetrisation, "
    "are valid, passed the screen and represent their cluster of duplicates. They are ordered by their "
    "Pareto rank in (loss, energy above the hull) among all candidates and references, then by energy "
    "above the hull; candidates without a hull come last, by loss. The same structure found by "
    "several arms is listed once."
)


def eligible(candidates: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Eligible rows, best first: id, best_for (a constraint), rank, e_above_hull, loss.

    A structure that satisfies several constraints appears once, under the one it ranks best for.
    """
    pools = [_eligible_for(candidates, c.name) for c in plan.constraints]
    if not pools:
        return candidates.select("id").clear()
    return (
        pl.concat(pools)
        .sort("pareto_rank", "e_above_hull", "loss", "id", nulls_last=True)
        .unique("id", keep="first", maintain_order=True)
    )


def choose_best(candidates: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """The best rows: id, best_rank (1 is best), best_for; at most `plan.best`."""
    ordered = eligible(candidates, plan)
    if not ordered.height:
        return pl.DataFrame(schema={"id": pl.String, "best_rank": pl.Int32, "best_for": pl.String})
    structures = structures_of(candidates, "sym")
    rows = ordered.join(structures, on="id", how="left", maintain_order="left")
    places = _distinct(rows, plan)
    chosen = ordered[places]
    return chosen.select("id", pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("best_rank"), "best_for")


def _eligible_for(candidates: pl.DataFrame, constraint: str) -> pl.DataFrame:
    flags = [
        *["valid", "passed", "is_representative"],
        *[f"{constraint}.satisfied", f"{constraint}.processed_satisfied"],
    ]
    wanted = pl.all_horizontal(pl.col(f).cast(pl.Boolean).fill_null(value=False) for f in flags)
    exists = pl.col("sym_numbers").is_not_null()
    return candidates.filter(wanted & exists & ~quarantined()).select(
        "id",
        pl.lit(constraint).alias("best_for"),
        pl.col(f"{constraint}.pareto_rank").cast(pl.Int32).alias("pareto_rank"),
        pl.col("e_above_hull").cast(pl.Float64),
        pl.col(f"{constraint}.processed_loss").cast(pl.Float64).alias("loss"),
    )


def _distinct(rows: pl.DataFrame, plan: Plan) -> list[int]:
    """Places of the first `plan.best` rows that are different structures."""
    from pymatgen.analysis.structure_matcher import StructureMatcher

    settings: dict[str, Any] = {"scale": False, **plan.matching}
    matcher = StructureMatcher(**settings)
    places: list[int] = []
    kept: list[Structure] = []
    for place in range(rows.height):
        if len(places) == plan.best:
            break
        structure = to_pymatgen(rows[place])[0]
        if not _seen(structure, kept, matcher):
            places.append(place)
            kept.append(structure)
    return places


def _seen(structure: Structure, kept: Sequence[Structure], matcher: Any) -> bool:
    formula = structure.composition.reduced_formula
    return any(
        other.composition.reduced_formula == formula and matcher.fit(structure, other) for other in kept
    )
