"""What a satisfied structure is worth: forces, energies, relaxation, distinct persistent structures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.columns.schemas import QUALITY
from lodestone.runtime.seeds import derive_seed
from lodestone.statistics.candidates import structures_of
from lodestone.statistics.lineages import rate_interval
from lodestone.statistics.outcomes import finite_mask, rate_of
from lodestone.statistics.plan import Plan
from lodestone.structures.table import arrays

GATE = 0.2
"""Fingerprint distance beyond which structures are not even compared; twice the default of `deduplicate`."""


def first_of_its_kind(rows: pl.DataFrame, constraint: str, matching: Mapping[str, Any]) -> np.ndarray:
    """Persistent structures of one arm that are the first of their crystal, (n_structures,) bool.

    Compared are the relaxed structures, those of one reduced composition with each other, by pymatgen's
    StructureMatcher with volumes as they are; `matching` holds its ltol, stol and angle_tol.
    """
    from lodestone.curation.clustering import cluster
    from lodestone.curation.matching import Similarity

    persistent = rows[Col.PERSISTENT.of(constraint)].cast(pl.Boolean).fill_null(value=False).to_numpy()
    places = np.flatnonzero(persistent.astype(bool) & finite_mask(rows))
    flags = np.zeros(rows.height, dtype=bool)
    if not len(places):
        return flags
    relaxed = structures_of(rows[places], "relaxed")
    crystals = [arrays(row) for row in relaxed.iter_rows(named=True)]
    leaders = cluster(crystals, Similarity(threshold=GATE, **matching)).leaders[1.0]
    flags[places[leaders == np.arange(len(places))]] = True
    return flags


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
    valid = rows.filter(_is(Col.VALID))
    force = valid[Col.MAX_FORCE_RAW].cast(pl.Float64).drop_nulls().drop_nans()
    relaxed = valid.filter(pl.col(Col.RELAX_FAILURE).is_null() & pl.col(Col.RELAX_CONVERGED).is_not_null())
    flags = relaxed.select(_is(Col.RELAX_CONVERGED))[Col.RELAX_CONVERGED].to_numpy()
    rng = np.random.default_rng(derive_seed(plan.seed, "bootstrap", arm))
    interval = rate_interval(rate_of(flags, relaxed[Col.LINEAGE]), rng, plan.alpha)
    converged = int(flags.sum())
    persistent = rows.filter(_is(Col.PERSISTENT.of(constraint)))
    failures = valid[Col.RELAX_FAILURE].count()
    return {
        "n": rows.height,
        Col.VALID: valid.height,
        Col.MAX_FORCE_MEDIAN: force.median(),
        Col.MAX_FORCE_UPPER_QUARTILE: force.quantile(0.75, "linear"),
        Col.ENERGY_MEDIAN: valid[Col.ENERGY_RAW].cast(pl.Float64).drop_nulls().drop_nans().median(),
        "relaxed": relaxed.height,
        "converged": converged,
        "converged_share": converged / relaxed.height if relaxed.height else None,
        "converged_low": interval.low,
        "converged_high": interval.high,
        Col.PERSISTENT: persistent.height,
        Col.DISTINCT_PERSISTENT: distinct,
        "distinct_persistent_formulas": persistent[Col.FORMULA].drop_nulls().n_unique(),
        "relax_failures": failures,
        "note": _note(valid.height, relaxed.height),
    }


def _note(valid: int, relaxed: int) -> str | None:
    if not valid:
        return "no valid structure"
    return None if relaxed else "no valid structure could be relaxed"


def _is(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Boolean).fill_null(value=False)
