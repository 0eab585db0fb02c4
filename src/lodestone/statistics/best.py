"""Choice of the best candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from lodestone.columns import Col
from lodestone.statistics.candidates import structures_of
from lodestone.statistics.outcomes import quarantined
from lodestone.statistics.plan import Plan
from lodestone.structures.table import to_pymatgen

if TYPE_CHECKING:
    from pymatgen.core import Structure

RULE = (
    "Eligible are structures that satisfy a constraint as generated and still do after symmetrisation, "
    "are valid, passed the screen and represent their cluster of duplicates. They are ordered by their "
    "Pareto rank in (loss, energy above the hull) among all candidates and references, then by energy "
    "above the hull; candidates without a hull come last, by loss. Every constraint has an equal share of "
    "the list, which the others fill where it has too few. The same structure found by several arms is "
    "listed once."
)


ORDER = (Col.PARETO_RANK, Col.E_ABOVE_HULL, Col.LOSS, "id")


def eligible(candidates: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Eligible rows, best first: id, best_for (a constraint), pareto_rank, e_above_hull, loss.

    A structure that satisfies several constraints appears once, under the one it ranks best for.
    """
    pools = [_eligible_for(candidates, c.name) for c in plan.constraints]
    if not pools:
        return pl.DataFrame(schema={"id": pl.String, Col.BEST_FOR: pl.String})
    return pl.concat(pools).sort(*ORDER, nulls_last=True).unique("id", keep="first", maintain_order=True)


def choose_best(candidates: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """The best rows: id, best_rank (1 is best), best_for; at most `plan.best`."""
    ordered = eligible(candidates, plan)
    if not ordered.height:
        return pl.DataFrame(schema={"id": pl.String, Col.BEST_RANK: pl.Int32, Col.BEST_FOR: pl.String})
    structures = structures_of(candidates, "sym")
    rows = ordered.join(structures, on="id", how="left", maintain_order="left")
    chosen = ordered[sorted(_distinct(rows, plan))]
    return chosen.select(
        "id", pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias(Col.BEST_RANK), Col.BEST_FOR
    )


def _eligible_for(candidates: pl.DataFrame, constraint: str) -> pl.DataFrame:
    flags = [
        *[Col.VALID, Col.PASSED, Col.IS_REPRESENTATIVE],
        *[Col.SATISFIED.of(constraint), Col.PROCESSED_SATISFIED.of(constraint)],
    ]
    wanted = pl.all_horizontal(pl.col(f).cast(pl.Boolean).fill_null(value=False) for f in flags)
    exists = pl.col(Col.SYM_NUMBERS).is_not_null()
    return candidates.filter(wanted & exists & ~quarantined()).select(
        "id",
        pl.lit(constraint).alias(Col.BEST_FOR),
        pl.col(Col.PARETO_RANK.of(constraint)).cast(pl.Int32).alias(Col.PARETO_RANK),
        pl.col(Col.E_ABOVE_HULL).cast(pl.Float64),
        pl.col(Col.PROCESSED_LOSS.of(constraint)).cast(pl.Float64).alias(Col.LOSS),
    )


def _distinct(rows: pl.DataFrame, plan: Plan) -> list[int]:
    """Places of at most `plan.best` rows that are different structures: first the shares, then the rest."""
    from pymatgen.analysis.structure_matcher import StructureMatcher

    settings: dict[str, Any] = {"scale": False, **plan.matching}
    matcher = StructureMatcher(**settings)
    share = max(1, plan.best // len(plan.constraints))
    kept: dict[int, Structure] = {}
    duplicates: set[int] = set()
    wanted_for = rows[Col.BEST_FOR].to_list()
    pools = [[i for i, c in enumerate(wanted_for) if c == name.name] for name in plan.constraints]
    for pool, limit in [*((p, share) for p in pools), (range(rows.height), plan.best)]:
        taken = sum(place in kept for place in pool)
        for place in pool:
            if taken == limit or len(kept) == plan.best:
                break
            if place in kept or place in duplicates:
                continue
            structure = to_pymatgen(rows[place])[0]
            if _seen(structure, list(kept.values()), matcher):
                duplicates.add(place)
                continue
            kept[place] = structure
            taken += 1
    return list(kept)


def _seen(structure: Structure, kept: Sequence[Structure], matcher: Any) -> bool:
    formula = structure.composition.reduced_formula
    return any(
        other.composition.reduced_formula == formula and matcher.fit(structure, other) for other in kept
    )
