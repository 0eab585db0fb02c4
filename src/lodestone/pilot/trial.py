"""The structures of a pilot: settings of each trial, sampling batch by batch, and their judgement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lodestone.runtime.seeds import derive_seed

if TYPE_CHECKING:
    import polars as pl

    from lodestone.constraints.context import Context
    from lodestone.energies.evaluation import Estimator
    from lodestone.energies.guards import Guards
    from lodestone.pilot.halving import Round

Settings = dict[str, Any]
NAME = "pilot"
"""What sets a pilot's seeds and names apart from those of the arms."""


def with_strength(settings: Mapping[str, Any], strength: float) -> Settings:
    """Settings of `sample` with the strength (Å) that they left open."""
    return dict(settings) | {
        "arm": settings["arm"] | {"strength": strength},
        "guidance": settings["guidance"] | {"backward": strength},
    }


def trial_settings(settings: Mapping[str, Any], strength: float | None, step: Round) -> Settings:
    """Settings of `sample` for one round of a candidate, or of the control where `strength` is None.

    The seed is the campaign's own, derived with the pilot's name: no structure of a pilot is drawn again
    by an arm.
    """
    control = strength is None
    base = settings["control"] if strength is None else with_strength(settings["guided"], strength)
    suffix = "control" if control else f"s{strength:g}"
    return dict(base) | {
        "arm": base["arm"] | {"name": f"{NAME}-{settings['constraint']}-{suffix}"},
        "shard": {"index": step.index, "first": step.first, "structures": step.structures},
        "sampling": base["sampling"] | {"seed": derive_seed(base["sampling"]["seed"], NAME)},
    }


def judge(
    raw: pl.DataFrame,
    constraints: Mapping[str, Mapping[str, Any]],
    references: pl.DataFrame,
    estimator: Estimator,
    guards: Guards,
    context: Context,
) -> pl.DataFrame:
    """Raw samples with valid, invalid_reason, satisfied, loss, e_above_hull (eV/atom) and why it lacks.

    `constraints` holds the one that is tried; `references` are known crystals with their energies by the
    same estimator (`energies.hull.with_energies`); `context` is for terms that need a hull. Energies are
    those of the valid structures as they are; one that the hull stage would quarantine counts as unknown.
    """
    import polars as pl

    from lodestone.constraints.table import measure_table
    from lodestone.energies.evaluate import energies, with_unevaluated
    from lodestone.energies.hull import hull_table
    from lodestone.structures import table

    (name,) = constraints
    measured = measure_table(raw, constraints, context).select(
        "id",
        *("formula", "n_atoms", "valid", "invalid_reason"),
        pl.col(f"{name}.satisfied").alias("satisfied"),
        pl.col(f"{name}.loss").alias("loss"),
    )
    valid = measured.filter("valid")["id"].to_list()
    found = energies(raw.filter(pl.col("id").is_in(valid)).select(list(table.SCHEMA)), estimator, guards)
    energy = with_unevaluated(found, raw["id"].to_list())
    candidates = raw.select("id", "numbers").join(energy, on="id", how="left", maintain_order="left")
    above = hull_table(candidates, references).filter(pl.col("kind") == "candidate")
    believed = ~pl.col("hull_note").fill_null("").str.starts_with("quarantined")
    hull = above.select("id", pl.when(believed).then("e_above_hull").alias("e_above_hull"), "hull_note")
    whole = raw.join(measured, on="id", how="left", maintain_order="left")
    return whole.join(hull, on="id", how="left", maintain_order="left")
