"""Values of every term: of raw structures by arm, of symmetrised candidates and of the references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.constraints import Term
from lodestone.statistics.distributions import Quantity
from lodestone.statistics.plan import ConstraintPlan, Plan
from lodestone.structures.table import arrays

if TYPE_CHECKING:
    from lodestone.constraints.context import Context


def measure_structures(
    structures: pl.DataFrame, constraint: ConstraintPlan, context: Context | None = None
) -> pl.DataFrame:
    """Measure every row of a structure table that holds a structure; `context` is for terms that need a hull.

    Adds "<c>.processed_values" (in the order of the terms), "<c>.processed_loss" and
    "<c>.processed_satisfied"; null where there is no structure (`numbers` is null).
    """
    from lodestone.constraints.context import Context, prepare
    from lodestone.constraints.measurement import measure

    terms = [term.bound(context or Context({})) for term in constraint.models()]
    there = structures.filter(pl.col("numbers").is_not_null() & pl.col("cell").is_not_null())
    prepare(terms, [arrays(row) for row in there.select("numbers", "cell", "frac").iter_rows(named=True)])
    values: list[list[float | None] | None] = []
    losses: list[float | None] = []
    met: list[bool | None] = []
    for row in structures.select("numbers", "cell", "frac").iter_rows(named=True):
        if row["numbers"] is None or row["cell"] is None:
            values.append(None)
            losses.append(None)
            met.append(None)
            continue
        found = measure(terms, constraint.power, constraint.satisfied_within, *arrays(row))
        values.append(found.values)
        losses.append(found.loss)
        met.append(found.satisfied)
    name = constraint.name
    return pl.DataFrame(
        {
            Col.PROCESSED_VALUES.of(name): pl.Series(values, dtype=pl.List(pl.Float64)),
            Col.PROCESSED_LOSS.of(name): pl.Series(losses, dtype=pl.Float64),
            Col.PROCESSED_SATISFIED.of(name): pl.Series(met, dtype=pl.Boolean),
        }
    )


REFERENCES = "references"
COUNTING = ("coordination", "coordination_distribution")


def quantities(arms: Mapping[str, pl.DataFrame], references: pl.DataFrame, plan: Plan) -> list[Quantity]:
    """One quantity per term; `references` carries numbers, cell, frac and "<c>.processed_values"."""
    return [
        _quantity(constraint, i, term, arms, references)
        for constraint in plan.constraints
        for i, term in enumerate(constraint.models())
    ]


def _quantity(
    constraint: ConstraintPlan,
    i: int,
    term: Term,
    arms: Mapping[str, pl.DataFrame],
    references: pl.DataFrame,
) -> Quantity:
    groups = {**arms, REFERENCES: references}
    values = {
        group: _values(table, f"{constraint.name}.{'processed_' if group == REFERENCES else ''}values", i)
        for group, table in groups.items()
    }
    counts = {group: _neighbours(term, table) for group, table in groups.items()}
    return Quantity(
        constraint=constraint.name,
        term=i,
        name=name_of(term),
        unit=term.unit,
        spans=term.spans(),
        values=values,
        counts=counts if term.kind in COUNTING else None,
    )


def name_of(term: Term) -> str:
    """What an axis calls the term's value."""
    parts = [term.kind, getattr(term, "quantity", ""), getattr(term, "metric", "")]
    words = " ".join(part.replace("_", " ") for part in parts if part)
    return f"{'-'.join(term.elements)} {words}" if term.elements else words


def _values(table: pl.DataFrame, column: str, i: int) -> list[float | None]:
    found = table[column].cast(pl.List(pl.Float64)).list.get(i, null_on_oob=True)
    return found.to_list()


def _neighbours(term: Term, table: pl.DataFrame) -> np.ndarray:
    """Neighbour counts of every centre atom of every structure, (n_centers,)."""
    from lodestone.constraints.pair_term import PairTerm
    from lodestone.structures.neighbours import neighbour_counts

    if term.kind not in COUNTING or not isinstance(term, PairTerm):
        return np.empty(0, dtype=int)
    found = [
        neighbour_counts(*arrays(row), *term.numbers, term.resolved_cutoff())
        for row in table.select("numbers", "cell", "frac").iter_rows(named=True)
        if row["numbers"] is not None
    ]
    return np.concatenate([np.empty(0, dtype=int), *(c for c in found if c is not None)])
