"""A pilot from its settings to its document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lodestone.pilot.evidence import evidence
from lodestone.pilot.halving import Bounds, Evidence, Round, halve, schedule
from lodestone.pilot.record import document
from lodestone.pilot.trial import NAME
from lodestone.runtime.seeds import derive_seed

if TYPE_CHECKING:
    import polars as pl

Draw = Callable[[float | None, Round], "pl.DataFrame"]
"""Raw samples of one round of a strength, or of the control (None)."""
Judge = Callable[["pl.DataFrame"], "pl.DataFrame"]


def run(
    settings: Mapping[str, Any], draw: Draw, judge: Judge, passes: Callable[[], float]
) -> tuple[dict[str, Any], pl.DataFrame]:
    """The document of a pilot, and all its structures with round, strength and judgement.

    `passes` tells the network passes once everything is drawn.
    """
    import polars as pl

    auto, seed = settings["auto"], derive_seed(settings["seed"], NAME, settings["constraint"])
    bounds = Bounds(auto["worst_validity"], auto["worst_energy"])
    rounds = schedule(len(auto["candidates"]), auto["structures"], settings["lineage"])
    parts: dict[float | None, list[pl.DataFrame]] = {}
    controls: list[Evidence] = []

    def so_far(strength: float | None, step: Round) -> pl.DataFrame:
        rows = judge(draw(strength, step)).with_columns(
            pl.lit(step.index + 1, dtype=pl.Int32).alias("round"),
            pl.lit(strength, dtype=pl.Float64).alias("strength"),
        )
        parts.setdefault(strength, []).append(rows)
        return pl.concat(parts[strength])

    def assess(step: Round, strengths: Sequence[float]) -> list[Evidence]:
        control = so_far(None, step)
        controls.append(evidence(0.0, control, control, seed))
        return [evidence(s, so_far(s, step), control, derive_seed(seed, f"{s:g}")) for s in strengths]

    outcome = halve(auto["candidates"], rounds, assess, bounds)
    everything = pl.concat([rows for found in parts.values() for rows in found])
    found = document(settings["constraint"], outcome, controls, bounds, passes(), everything.height)
    return found, everything
