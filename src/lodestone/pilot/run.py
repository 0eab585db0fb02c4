"""A pilot from its settings to its document: draws each trial batch by batch, judges it, chooses.

A killed pilot continues where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestone.columns import Col
from lodestone.pilot.evidence import evidence
from lodestone.pilot.halving import Bounds, Evidence, Round, halve, schedule
from lodestone.pilot.record import document
from lodestone.runtime.seeds import derive_seed
from lodestone.sampling.timing import Account, Timing, device_name

if TYPE_CHECKING:
    import polars as pl

    from lodestone.constraints.context import Context
    from lodestone.energies.evaluation import Estimator
    from lodestone.energies.guards import Guards
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion

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

    from lodestone.constraints.measurement import measure_table
    from lodestone.energies.evaluation import energies, with_unevaluated
    from lodestone.energies.hull import hull_table
    from lodestone.structures import table

    (name,) = constraints
    measured = measure_table(raw, constraints, context).select(
        "id",
        *(Col.FORMULA, Col.N_ATOMS, Col.VALID, Col.INVALID_REASON),
        pl.col(Col.SATISFIED.of(name)).alias(Col.SATISFIED),
        pl.col(Col.LOSS.of(name)).alias(Col.LOSS),
    )
    valid = measured.filter(Col.VALID)["id"].to_list()
    found = energies(raw.filter(pl.col("id").is_in(valid)).select(list(table.SCHEMA)), estimator, guards)
    energy = with_unevaluated(found, raw["id"].to_list())
    candidates = raw.select("id", "numbers").join(energy, on="id", how="left", maintain_order="left")
    above = hull_table(candidates, references).filter(pl.col("kind") == "candidate")
    believed = ~pl.col(Col.HULL_NOTE).fill_null("").str.starts_with("quarantined")
    hull = above.select("id", pl.when(believed).then(Col.E_ABOVE_HULL).alias(Col.E_ABOVE_HULL), Col.HULL_NOTE)
    whole = raw.join(measured, on="id", how="left", maintain_order="left")
    return whole.join(hull, on="id", how="left", maintain_order="left")


@dataclass
class Sampler:
    """Samples rounds of a pilot into `state`, and keeps account of what that took."""

    diffusion: MatterGenDiffusion
    checkpoint_config: Mapping[str, Any]
    settings: Mapping[str, Any]
    """The slice of the campaign that the stage `pilot` depends on."""
    state: Path
    device: str
    tables: Sequence[Path] = ()
    """References and their energies, for terms that need a hull."""
    passes: float = 0.0
    """Network passes of every structure so far, whether drawn now or found."""
    timings: list[Timing] = field(default_factory=list)
    """Of every round of a candidate or of the control, over all runs of the pilot."""
    _folder: Path = field(init=False)
    _drew: bool = False
    """Whether anything was drawn in this run."""

    def __post_init__(self) -> None:
        # batches of other settings are never picked up
        digest = hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()
        self._folder = self.state / digest[:16]

    def __call__(self, strength: float | None, step: Round) -> pl.DataFrame:
        """Raw samples of one round of a candidate, or of the control where `strength` is None."""
        from lodestone.runtime.progress import reporter
        from lodestone.runtime.signals import stop_if_asked
        from lodestone.sampling.job import shard_plan, steering
        from lodestone.sampling.passes import passes
        from lodestone.sampling.shard import collect, finished, sample_shard
        from lodestone.sampling.trial import trial_of

        settings = trial_settings(self.settings, strength, step)
        plan = shard_plan(settings, self.checkpoint_config, self.device)
        folder = self._folder / plan.arm / f"{step.index:04d}"
        report = reporter(f"{plan.arm}, round {step.index + 1}, on {self.device}", resumes=True)
        each = passes(settings, len(self.diffusion.times))
        name = device_name(self.device, tf32=bool(settings["sampling"].get("tf32")))
        spent = Account(folder, name, each)
        lacking = finished(plan, folder) < plan.structures
        if lacking and self._drew:
            stop_if_asked(f"before round {step.index + 1} of {plan.arm}")
        self._drew |= lacking
        steered = steering(settings, self.tables)
        trial = trial_of(self.diffusion, plan, steered, settings, self.device)
        drawn = sample_shard(self.diffusion, plan, steered, folder, earlier=spent.earlier, trial=trial)
        for done, total in drawn:
            report(done, total)
            spent.tell(done)
        self.passes += each * plan.structures
        self.timings.append(spent.timing)
        return collect(plan, folder)


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
            pl.lit(strength, dtype=pl.Float64).alias(Col.STRENGTH),
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
