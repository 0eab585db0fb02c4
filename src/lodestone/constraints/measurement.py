"""The hard check: what a finished structure is worth under a constraint, and the table `measured` of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from lodestone.columns import Col
from lodestone.constraints.context import Context, prepare
from lodestone.constraints.registry import terms_of
from lodestone.constraints.targets import combine, scalar_distance
from lodestone.constraints.term import Term
from lodestone.structures.table import arrays

if TYPE_CHECKING:
    import numpy as np

    from lodestone.constraints.term import Term


@dataclass(frozen=True)
class Measurement:
    """Values in the order of the terms (None: not defined), loss, and whether all terms are met."""

    values: list[float | None]
    loss: float | None
    satisfied: bool


def measure(
    terms: Sequence[Term],
    power: float,
    satisfied_within: float,
    numbers: np.ndarray,
    cell: np.ndarray,
    frac: np.ndarray,
) -> Measurement:
    """Measure one structure: numbers (n_atoms,), cell (3, 3) in Å, frac (n_atoms, 3).

    A value that is not defined (no such element, broken cell) makes the loss undefined and the
    constraint not satisfied. Never raises for an odd structure.
    """
    values = [term.hard(numbers, cell, frac) for term in terms]
    known = [v for v in values if v is not None]
    if len(known) < len(values):
        return Measurement(values, None, satisfied=False)
    gaps = [t.gap(v) for v, t in zip(known, terms, strict=True)]
    losses = [scalar_distance(g, t.distance, t.delta) for g, t in zip(gaps, terms, strict=True)]
    loss = float(combine(losses, [t.weight for t in terms], power))
    met = (
        abs(g) <= (t.tolerance if t.tolerance is not None else satisfied_within) + 1e-9
        for g, t in zip(gaps, terms, strict=True)
    )
    return Measurement(values, loss, satisfied=all(met))


def measure_table(
    raw: pl.DataFrame,
    constraints: Mapping[str, Mapping[str, Any]],
    context: Context | None = None,
) -> pl.DataFrame:
    """One row per structure of `raw`, in the same order.

    Columns: id, formula (reduced; null where a type was never decided), n_atoms, the validity
    columns, and per constraint `<name>.values`, `<name>.loss`, `<name>.satisfied`. A structure
    that was not generated satisfies nothing. `context` is for terms that need a hull.
    """
    from lodestone.curation.validity import validity_table

    columns: list[pl.Series] = [
        pl.Series(Col.FORMULA, [_formula(z) for z in raw["numbers"].to_list()], dtype=pl.String),
        pl.Series(Col.N_ATOMS, raw["numbers"].list.len(), dtype=pl.Int32),
    ]
    for name, constraint in constraints.items():
        terms = [term.bound(context or Context({})) for term in terms_of(constraint)]
        prepare(terms, [arrays(row) for row in raw.filter(~pl.col("failed")).iter_rows(named=True)])
        columns += _columns(name, [_measured(row, terms, constraint) for row in raw.iter_rows(named=True)])
    return validity_table(raw).with_columns(columns)


def _measured(row: Mapping[str, Any], terms: list[Term], constraint: Mapping[str, Any]) -> Measurement:
    if row["failed"]:
        return Measurement([None] * len(terms), None, satisfied=False)
    return measure(terms, constraint["combine"], constraint["satisfied_within"], *arrays(dict(row)))


def _columns(name: str, found: list[Measurement]) -> list[pl.Series]:
    return [
        pl.Series(Col.VALUES.of(name), [m.values for m in found], dtype=pl.List(pl.Float64)),
        pl.Series(Col.LOSS.of(name), [m.loss for m in found], dtype=pl.Float64),
        pl.Series(Col.SATISFIED.of(name), [m.satisfied for m in found], dtype=pl.Boolean),
    ]


def _formula(numbers: list[int]) -> str | None:
    from pymatgen.core import Composition, Element

    if not numbers or min(numbers) < 1:
        return None
    symbols = [Element.from_Z(z).symbol for z in numbers]
    return Composition.from_dict({s: symbols.count(s) for s in symbols}).reduced_formula
