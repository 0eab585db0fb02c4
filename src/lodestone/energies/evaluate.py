"""Energies of a table of structures, with the reason where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.energies.evaluation import Estimator, Evaluation
from lodestone.energies.guards import Guards, evaluate_guarded
from lodestone.structures import table

if TYPE_CHECKING:
    from ase import Atoms

NOT_SCREENED_IN = "not screened in"
SCHEMA = {"id": pl.String(), "energy_per_atom": pl.Float64(), "energy_failure": pl.String()}


def energies(structures: pl.DataFrame, estimator: Estimator, guards: Guards) -> pl.DataFrame:
    """Energy per atom (eV) of every structure as it is, unrelaxed: `SCHEMA`, in row order."""
    rows = [_atoms(row) for row in structures.select(list(table.SCHEMA)).iter_rows(named=True)]
    readable = [row for row in rows if not isinstance(row, str)]
    evaluated = iter(evaluate_guarded(readable, estimator, guards, forces=False))
    found = [row if isinstance(row, str) else _per_atom(next(evaluated), row) for row in rows]
    return pl.DataFrame(
        {
            "id": structures["id"],
            "energy_per_atom": [None if isinstance(e, str) else e for e in found],
            "energy_failure": [e if isinstance(e, str) else None for e in found],
        },
        schema=SCHEMA,
    )


def _atoms(row: dict[str, Any]) -> Atoms | str:
    """A row as ASE atoms, also where its cell cannot be inverted; or why it is no structure."""
    from ase import Atoms

    try:
        numbers, cell, frac = table.arrays(row)
        with np.errstate(invalid="ignore"):  # the guards refuse what is not finite
            positions = frac @ cell
        return Atoms(numbers=numbers, cell=cell, positions=positions, pbc=True)
    except (ValueError, TypeError) as error:
        return f"no structure: {' '.join(str(error).split())}"


def _per_atom(found: Evaluation | str, atoms: Atoms) -> float | str:
    return found if isinstance(found, str) else found.energy / len(atoms)


def with_unevaluated(evaluated: pl.DataFrame, all_ids: Sequence[str]) -> pl.DataFrame:
    """One row per id, in the order of `all_ids`; those without an evaluation were not screened in."""
    whole = pl.DataFrame({"id": list(all_ids)}, schema={"id": pl.String()})
    joined = whole.join(evaluated, on="id", how="left", maintain_order="left")
    skipped = ~pl.col("id").is_in(evaluated["id"].to_list())
    reason = pl.when(skipped).then(pl.lit(NOT_SCREENED_IN)).otherwise(pl.col("energy_failure"))
    return joined.with_columns(reason.alias("energy_failure"))
