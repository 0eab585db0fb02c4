"""What the stages that draw structures depend on: their slices of the campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lodestone.config.arms import Arm, Shard, arms
from lodestone.config.campaign import Campaign
from lodestone.config.sections.model import is_masked, trained_of
from lodestone.runtime.files import file_hash
from lodestone.sampling.samplers.base import Conditioned
from lodestone.schema.sections import Section
from lodestone.structures.formulas import asked
from lodestone.workflow.assets import hashes
from lodestone.workflow.potentials import potentials

Settings = dict[str, Any]


def sample(campaign: Campaign, arm: Arm, shard: Shard) -> Settings:
    """How a shard of an arm is drawn."""
    constraint = None
    if arm.constraint is not None:
        constraint = dump(campaign.constraints[arm.constraint], {"terms", "combine"})
    return {
        "campaign": campaign.campaign,
        "chemical_system": campaign.canonical_system,
        "model": dump(campaign.model),
        **({"masked": True} if _masked(campaign, arm) else {}),
        # samples of such a checkpoint that were drawn before the generator's mask are drawn anew
        **({} if trained_of(campaign.model.checkpoint).masks else {"mask_added": True}),
        "sampling": sampler_settings(campaign),
        "arm": {"name": arm.name, "kind": arm.kind, "constraint": arm.constraint, "strength": arm.strength},
        "shard": {"index": shard.index, "first": shard.first, "structures": shard.structures},
        "constraint": constraint,
        **steering(campaign, arm),
        **(potentials(campaign, [arm.constraint]) if arm.constraint is not None else {}),
        **_look_ahead(campaign, arm),
        **_other_sampler(campaign, arm),
        "assets": hashes(campaign, "model"),
    }


def conditioned(campaign: Campaign, arm: Arm) -> Conditioned:
    """What the model is conditioned on in an arm, and the factor γ of classifier-free guidance."""
    own = campaign.model.conditions, campaign.model.guidance_factor
    return own if arm.sampler is None else sampler_section(campaign, arm).conditioned(*own)


def _masked(campaign: Campaign, arm: Arm) -> bool:
    """Whether a mask, and no condition of the checkpoint, keeps an arm inside the chemical system."""
    if arm.sampler is not None and not sampler_section(campaign, arm).uses_network:
        return False
    return is_masked(campaign.model, *conditioned(campaign, arm))


def _other_sampler(campaign: Campaign, arm: Arm) -> Settings:
    """The settings of another sampler, and the estimator by whose forces it searches."""
    if arm.sampler is None:
        return {}
    section = sampler_section(campaign, arm)
    found: Settings = {"sampler": section.settings()}
    return found | ({"search": estimator_slice(campaign, {"estimator"})} if section.uses_forces else {})


def sampler_section(campaign: Campaign, arm: Arm) -> Any:
    """The section of the sampler that an arm names."""
    return next(extra.sampling for extra in campaign.arms if extra.name == arm.name)


def propose(campaign: Campaign, arm: Arm) -> Settings:
    """What the proposals of space groups and Wyckoff positions of an arm depend on."""
    section = sampler_section(campaign, arm)
    return {
        "compositions": asked(
            section.compositions, campaign.sampling.composition, campaign.sampling.formula_units
        ),
        "seed": campaign.sampling.seed,
        **dump(section, {"generator", "proposals", "space_groups"}),
        "references": [source.name for source in campaign.references],
    }


def train(campaign: Campaign, arm: Arm) -> Settings:
    """What the training of an arm's generator depends on."""
    section = sampler_section(campaign, arm)
    return {"seed": campaign.sampling.seed, **dump(section, {"training_steps"})}


def imported(campaign: Campaign, arm: Arm) -> Settings:
    """Where the structures of an arm come from; an edited file is imported anew."""
    path = Path(str(arm.structures))
    sha256 = file_hash(path) if path.exists() else "missing"
    return {"campaign": campaign.campaign, "arm": arm.name, "structures": str(path), "sha256": sha256}


def _look_ahead(campaign: Campaign, arm: Arm) -> Settings:
    """The estimator by which particles look ahead; nothing where they do not."""
    particles = campaign.guidance.particles
    looks = arm.guided and particles is not None and particles.look_ahead > 0
    return {"look_ahead": estimator_slice(campaign, {"estimator"})} if looks else {}


def sampler_settings(campaign: Campaign) -> Settings:
    """The settings of the sampler itself; those of what is known beforehand only where something is."""
    section = campaign.sampling
    found = dump(section, {"seed", "batch_size", "atoms", "steps", "corrector", "tf32"})
    if section.composition is not None:
        found |= dump(section, {"composition", "formula_units"})
    if section.template is not None:
        path = Path(section.template.file)
        sha256 = file_hash(path) if path.is_file() else "missing"
        found["template"] = dump(section.template) | {"sha256": sha256}
    return found


def steering(campaign: Campaign, arm: Arm) -> Settings:
    """How an arm is steered: `guidance`, `loop` and `particles`, as the sampler takes them.

    unguided knows nothing of the section `guidance`, control its recurrence only, and late acts
    below `late_start`, without particles. `backward` is None until a pilot has chosen it.
    """
    section = campaign.guidance
    if arm.kind == "unguided" or (arm.kind == "drawn" and not arm.guided):
        return {"guidance": None, "loop": {"recurrence": 1, "start": 1.0, "algorithm": 2}, "particles": None}
    start = section.late_start if arm.kind == "late" else section.start
    loop = {"recurrence": section.recurrence, "start": start, "algorithm": section.algorithm}
    if arm.kind == "control":
        return {"guidance": None, "loop": loop, "particles": None}
    used = {"backward_steps", "forward", "stop", "schedule", "period", "normalisation", "fields"}
    guidance = {"backward": arm.strength, "start": start} | dump(section, used)
    particles = section.particles if arm.guided else None
    return {"guidance": guidance, "loop": loop, "particles": dump(particles) if particles else None}


def estimator_slice(campaign: Campaign, keys: set[str]) -> Settings:
    """These keys of the section `energy`, the limits of its guards and the hashes of its model."""
    return {
        "energy": dump(campaign.energy, keys),
        "screen": dump(campaign.screen, {"volume_per_atom", "min_distance"}),
        "assets": hashes(campaign, "energy"),
    }


def dump(section: Section, keys: set[str] | None = None) -> Settings:
    """A section, or some keys of it, JSON-able."""
    return section.model_dump(mode="json", include=keys)


def piloted(campaign: Campaign) -> list[Arm]:
    """The guided arms whose strength a pilot chooses, one per constraint."""
    return [arm for arm in arms(campaign) if arm.kind == "guided" and arm.piloted]


def proposed(campaign: Campaign) -> list[Arm]:
    """The arms whose sampler asks for proposals of space groups and Wyckoff positions."""
    drawn = [arm for arm in arms(campaign) if arm.sampler is not None]
    return [arm for arm in drawn if sampler_section(campaign, arm).needs_proposals]


def learns(campaign: Campaign, arm: Arm) -> bool:
    """Whether the proposals of an arm come from a generator that is trained first."""
    return bool(sampler_section(campaign, arm).generator == "learned")
