"""Energies of a table of structures, with the reason where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from lodestone.energies.evaluation import Estimator
from lodestone.energies.guards import Guards, evaluate_guarded
from lodestone.structures import table

NOT_SCREENED_IN = "not screened in"
SCHEMA = {"id": pl.String(), "energy_per_atom": pl.Float64(), "energy_failure": pl.String()}


def energies(structures: pl.DataFrame, estimator: Estimator, guards: Guards) -> pl.DataFrame:
    """Energy per atom (eV) of every structure as it is, unrelaxed: `SCHEMA`, in row order."""
    atoms = table.to_ase(structures)
    found = evaluate_guarded(atoms, estimator, guards)
    return pl.DataFrame(
        {
            "id": structures["id"],
            "energy_per_atom": [
                None if isinstance(e, str) else e.energy / len(a) for a, e in zip(atoms, found, strict=True)
            ],
            "energy_failure": [e if isinstance(e, str) else None for e in found],
        },
        schema=SCHEMA,
    )


def with_unevaluated(evaluated: pl.DataFrame, all_ids: Sequence[str]) -> pl.DataFrame:
    """One row per id, in the order of `all_ids`; those without an evaluation were not screened in."""
    whole = pl.DataFrame({"id": list(all_ids)}, schema={"id": pl.String()})
    joined = whole.join(evaluated, on="id", how="left", maintain_order="left")
    skipped = ~pl.col("id").is_in(evaluated["id"].to_list())
    reason = pl.when(skipped).then(pl.lit(NOT_SCREENED_IN)).otherwise(pl.col("energy_failure"))
    return joined.with_columns(reason.alias("energy_failure"))
