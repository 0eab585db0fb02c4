"""From the settings of a sampling job to what the sampler takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lodestone.sampling.guided import GuidanceOptions
from lodestone.sampling.loop import LoopOptions
from lodestone.sampling.objective import Objective
from lodestone.sampling.particles import ParticleOptions
from lodestone.sampling.shard import ShardPlan, Steering, largest_batch, size_distribution

Settings = Mapping[str, Any]


def steering(settings: Settings) -> Steering:
    """How the job's arm is steered."""
    from pydantic import TypeAdapter

    from lodestone.constraints import AnyTerm

    objective = None
    if settings["constraint"] is not None:
        terms = [TypeAdapter(AnyTerm).validate_python(t) for t in settings["constraint"]["terms"]]
        objective = Objective(tuple(terms), settings["constraint"]["combine"])
    guidance = dict(settings["guidance"] or {"backward": 0.0})
    if "fields" in guidance:
        guidance["fields"] = tuple(guidance["fields"])
    particles = settings["particles"]
    return Steering(
        objective=objective,
        guidance=GuidanceOptions(**guidance),
        loop=LoopOptions(**settings["loop"]),
        particles=ParticleOptions(**{**particles, "times": tuple(particles["times"])}) if particles else None,
    )


def shard_plan(settings: Settings, checkpoint_config: Mapping[str, Any], device: str) -> ShardPlan:
    """Which structures the job makes."""
    sampling, shard, particles = settings["sampling"], settings["shard"], settings["particles"]
    system = settings["chemical_system"]
    return ShardPlan(
        campaign=settings["campaign"],
        arm=settings["arm"]["name"],
        shard=shard["index"],
        first=shard["first"],
        structures=shard["structures"],
        batch_size=largest_batch(sampling["batch_size"], device, particles["count"] if particles else 1),
        seed=sampling["seed"],
        n_atoms=size_distribution(checkpoint_config, system, sampling["atoms"]),
    )
