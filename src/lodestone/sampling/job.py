"""From the settings of a sampling job to what the sampler takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestone.sampling.guidance import GuidanceOptions, Objective
from lodestone.sampling.loop import LoopOptions
from lodestone.sampling.particles import LookAhead, ParticleOptions
from lodestone.sampling.shard import ShardPlan, Steering
from lodestone.sampling.sizes import largest_batch, size_distribution
from lodestone.sampling.template import templates

if TYPE_CHECKING:
    from lodestone.sampling.mattergen.checkpoint import Checkpoint
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion

Settings = Mapping[str, Any]
LOOK_AHEAD_BATCH = 32  # structures at once; it changes no result, so no setting of the campaign decides it


def load_model(settings: Settings, device: str) -> tuple[MatterGenDiffusion, Checkpoint]:
    """The reverse process of the job's checkpoint on a device, and the checkpoint."""
    from lodestone.sampling.mattergen import tf32
    from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
    from lodestone.sampling.mattergen.conditions import SYSTEM, trained
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion

    model, system = settings["model"], settings["chemical_system"]
    checkpoint = load_checkpoint(locate(model["checkpoint"]), steps=settings["sampling"]["steps"])
    if settings["sampling"].get("tf32"):
        tf32.dense(checkpoint.module.diffusion_module.model)
    conditions, factor = model.get("conditions", {}), model["guidance_factor"]
    properties = {
        name: system if name == SYSTEM else conditions[name]
        for name in trained(checkpoint.config).used(conditions, factor)
    }
    diffusion = MatterGenDiffusion(
        checkpoint,
        properties=properties,
        guidance_factor=factor,
        within=system.split("-") if settings.get("masked") else (),
        device=device,
        corrector=settings["sampling"]["corrector"],
    )
    return diffusion, checkpoint


def conditioning(settings: Settings, checkpoint: Checkpoint) -> str:
    """What the job's model is conditioned on, for its log."""
    from lodestone.sampling.mattergen.conditions import trained, words

    model = settings["model"]
    return words(
        trained(checkpoint.config),
        settings["chemical_system"],
        model.get("conditions", {}),
        model["guidance_factor"],
        masked=bool(settings.get("masked")),
    )


def steering(settings: Settings, tables: Sequence[Path] = ()) -> Steering:
    """How the job's arm is steered; `tables` are references and their energies, for terms that need a hull.

    Raises MissingReferencesError where the hull of such a term would lack a pure element.
    """
    from lodestone.constraints import terms_of
    from lodestone.constraints.context import context_of

    objective = None
    if settings["constraint"] is not None:
        context = context_of(settings, tables)
        context.require()
        terms = [term.bound(context) for term in terms_of(settings["constraint"])]
        objective = Objective(tuple(terms), settings["constraint"]["combine"])
    guidance = dict(settings["guidance"] or {"backward": 0.0})
    if "fields" in guidance:
        guidance["fields"] = tuple(guidance["fields"])
    particles = settings["particles"]
    return Steering(
        objective=objective,
        guidance=GuidanceOptions(**guidance),
        loop=LoopOptions(**settings["loop"]),
        particles=_particles(particles) if particles else None,
        look_ahead=_look_ahead(settings, particles["look_ahead"]) if particles else None,
    )


def _particles(section: Settings) -> ParticleOptions:
    return ParticleOptions(
        count=section["count"],
        beta=section["beta"],
        times=tuple(section["times"]),
        resample_below=section["resample_below"],
        one_per_lineage=section["return"] == "one_per_lineage",
    )


def _look_ahead(settings: Settings, steps: int) -> LookAhead | None:
    if not steps:
        return None
    import torch

    from lodestone.energies.estimators import estimator_and_guards

    with torch.random.fork_rng():  # a model may draw its initial weights before it reads the real ones
        asked = settings["look_ahead"]
        energy = asked["energy"] | {"batch_size": LOOK_AHEAD_BATCH}
        return LookAhead(*estimator_and_guards({**asked, "energy": energy}), steps)


def shard_plan(settings: Settings, checkpoint_config: Mapping[str, Any], device: str) -> ShardPlan:
    """Which structures the job makes."""
    sampling, shard, particles = settings["sampling"], settings["shard"], settings["particles"]
    system, known = settings["chemical_system"], templates(sampling)
    sizes = dict.fromkeys(known, 1 / len(known)) if known else None
    return ShardPlan(
        campaign=settings["campaign"],
        arm=settings["arm"]["name"],
        shard=shard["index"],
        first=shard["first"],
        structures=shard["structures"],
        batch_size=_batch_size(sampling["batch_size"], device, particles),
        seed=sampling["seed"],
        n_atoms=sizes or size_distribution(checkpoint_config, system, sampling["atoms"]),
        templates=known,
    )


def _batch_size(asked: str | int, device: str, particles: Settings | None) -> int:
    """Structures of the sample per batch of the network, which holds every particle."""
    if particles is None:
        return largest_batch(asked, device, 1)
    size = largest_batch(asked, device, particles["count"])
    return size // particles["count"] if particles["return"] == "one_per_lineage" else size
