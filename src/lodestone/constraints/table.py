"""The table `measured`: what every raw structure is worth under every constraint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from lodestone.constraints.context import Context, prepare
from lodestone.constraints.measure import Measurement, measure
from lodestone.constraints.registry import terms_of
from lodestone.constraints.term import Term
from lodestone.structures.table import arrays


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
        pl.Series("formula", [_formula(z) for z in raw["numbers"].to_list()], dtype=pl.String),
        pl.Series("n_atoms", raw["numbers"].list.len(), dtype=pl.Int32),
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
        pl.Series(f"{name}.values", [m.values for m in found], dtype=pl.List(pl.Float64)),
        pl.Series(f"{name}.loss", [m.loss for m in found], dtype=pl.Float64),
        pl.Series(f"{name}.satisfied", [m.satisfied for m in found], dtype=pl.Boolean),
    ]


def _formula(numbers: list[int]) -> str | None:
    from pymatgen.core import Composition, Element

    if not numbers or min(numbers) < 1:
        return None
    symbols = [Element.from_Z(z).symbol for z in numbers]
    return Composition.from_dict({s: symbols.count(s) for s in symbols}).reduced_formula
