"""What constraints say of processed structures: symmetrised candidates and references."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from lodestone.statistics.plan import ConstraintPlan
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
    from lodestone.constraints.measure import measure

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
            f"{name}.processed_values": pl.Series(values, dtype=pl.List(pl.Float64)),
            f"{name}.processed_loss": pl.Series(losses, dtype=pl.Float64),
            f"{name}.processed_satisfied": pl.Series(met, dtype=pl.Boolean),
        }
    )
