"""What a satisfied structure is worth: forces, energies, relaxation, distinct persistent structures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from lodestone.columns import QUALITY
from lodestone.runtime.seeds import derive_seed
from lodestone.statistics.lineages import rate_interval
from lodestone.statistics.outcomes import rate_of
from lodestone.statistics.plan import Plan


def quality(
    arms: Mapping[str, pl.DataFrame], plan: Plan, kinds: Mapping[tuple[str, str], np.ndarray]
) -> pl.DataFrame:
    """One row per constraint × arm; forces and energies are those of raw valid structures.

    `kinds` flags the first structure of each persistent crystal, by constraint and arm.
    """
    rows = [
        {"constraint": c.name, "arm": arm} | _arm(table, c.name, arm, plan, int(kinds[c.name, arm].sum()))
        for c in plan.constraints
        for arm, table in arms.items()
    ]
    return pl.DataFrame(rows, schema=QUALITY, orient="row")


def _arm(rows: pl.DataFrame, constraint: str, arm: str, plan: Plan, distinct: int) -> dict[str, object]:
    valid = rows.filter(_is("valid"))
    force = valid["max_force_raw"].cast(pl.Float64).drop_nulls().drop_nans()
    relaxed = valid.filter(pl.col("relax_failure").is_null() & pl.col("relax_converged").is_not_null())
    flags = relaxed.select(_is("relax_converged"))["relax_converged"].to_numpy()
    rng = np.random.default_rng(derive_seed(plan.seed, "bootstrap", arm))
    interval = rate_interval(rate_of(flags, relaxed["lineage"]), rng, plan.alpha)
    converged = int(flags.sum())
    persistent = rows.filter(_is(f"{constraint}.persistent"))
    failures = valid["relax_failure"].count()
    return {
        "n": rows.height,
        "valid": valid.height,
        "max_force_median": force.median(),
        "max_force_upper_quartile": force.quantile(0.75, "linear"),
        "energy_median": valid["energy_raw"].cast(pl.Float64).drop_nulls().drop_nans().median(),
        "relaxed": relaxed.height,
        "converged": converged,
        "converged_share": converged / relaxed.height if relaxed.height else None,
        "converged_low": interval.low,
        "converged_high": interval.high,
        "persistent": persistent.height,
        "distinct_persistent": distinct,
        "distinct_persistent_formulas": persistent["formula"].drop_nulls().n_unique(),
        "relax_failures": failures,
        "note": _note(valid.height, relaxed.height),
    }


def _note(valid: int, relaxed: int) -> str | None:
    if not valid:
        return "no valid structure"
    return None if relaxed else "no valid structure could be relaxed"


def _is(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Boolean).fill_null(value=False)
