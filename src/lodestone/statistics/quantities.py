"""Collects the values of every term, by arm (raw structures) and for the references."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from lodestone.constraints import Term
from lodestone.statistics.distributions import Quantity
from lodestone.statistics.plan import ConstraintPlan, Plan
from lodestone.structures.table import arrays

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
