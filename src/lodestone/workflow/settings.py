"""What each stage depends on: its slice of the campaign.

Snakemake reruns a job when its params change. So a slice holds nothing that the stage does not use, and
everything that it does: an edit reruns what it touches and what comes after.
"""

from __future__ import annotations

from dataclasses import asdict

from lodestone.config.arms import Arm, Shard, arms
from lodestone.config.campaign import Campaign
from lodestone.references.descriptions import describe
from lodestone.workflow.assets import hashes
from lodestone.workflow.potentials import key, others, potentials, settings_of
from lodestone.workflow.sampling_settings import Settings, dump, estimator_slice, sample


def resolved(campaign: Campaign) -> Settings:
    """The whole campaign with every default filled in, JSON-able."""
    return dump(campaign)


def pilot(campaign: Campaign, arm: Arm) -> Settings:
    """What the pilot of a constraint depends on: how candidates and control are sampled and judged."""
    constraint = str(arm.constraint)
    guided, control = Arm(f"{constraint}-auto", "guided", constraint, None), Arm("control", "control")
    auto, particles = campaign.guidance.pilot, campaign.guidance.particles
    if auto is None:
        raise ValueError("the strengths of this campaign are given; there is no pilot")
    one = dump(campaign.constraints[constraint], {"terms", "combine", "satisfied_within"})
    return {
        "constraint": constraint,
        "seed": campaign.sampling.seed,
        "auto": dump(auto),
        "lineage": particles.per_lineage if particles else 1,
        "guided": sample(campaign, guided, Shard(guided, 0, 1)),
        "control": sample(campaign, control, Shard(control, 0, 1)),
        "constraints": {constraint: one},
        **energy(campaign),
    }


def references(campaign: Campaign) -> Settings:
    """Which sources are asked, and their own files."""
    return {
        "chemical_system": campaign.canonical_system,
        "references": [describe(source) for source in campaign.references],
        "assets": hashes(campaign, "references"),
    }


def measure(campaign: Campaign) -> Settings:
    """What every raw structure is measured by."""
    constraints = _constraints(campaign, {"terms", "combine", "satisfied_within"})
    return {"constraints": constraints} | potentials(campaign, campaign.constraints)


def relax(campaign: Campaign) -> Settings:
    """The same, and the short relaxation."""
    return measure(campaign) | estimator_slice(campaign, {"estimator", "batch_size", "relax"})


def symmetrize(campaign: Campaign) -> Settings:
    """Tolerances."""
    return dump(campaign.symmetrize)


def screen(campaign: Campaign) -> Settings:
    """Limits, and the chemical system."""
    return dump(campaign.screen) | {"chemical_system": campaign.canonical_system}


def deduplicate(campaign: Campaign) -> Settings:
    """When two crystals are the same."""
    section = campaign.deduplicate
    matcher = {"ltol", "stol", "angle_tol"} if section.method == "two_stage" else set()
    return dump(section, {"method", "threshold", "cutoff", "sigma"} | matcher) | _idle_matcher(campaign)


def novelty(campaign: Campaign) -> Settings:
    """When a crystal is a known one, and the sources in their order."""
    similarity = {k: v for k, v in deduplicate(campaign).items() if k != "threshold"}
    return {
        "threshold": campaign.novelty.threshold,
        "deduplicate": similarity,
        "references": [source.name for source in campaign.references],
    }


def _idle_matcher(campaign: Campaign) -> Settings:
    """The matcher's defaults where fingerprints alone decide: its tolerances are not used."""
    if campaign.deduplicate.method == "two_stage":
        return {}
    return dump(type(campaign.deduplicate)(), {"ltol", "stol", "angle_tol"})


def energy(campaign: Campaign) -> Settings:
    """The judge, and the limits of its guards."""
    return estimator_slice(campaign, {"estimator", "batch_size"})


def hull(campaign: Campaign) -> Settings:
    """Elements, and the other estimators."""
    several = [key(estimator) for estimator in others(campaign)]
    return {"elements": list(campaign.elements)} | ({"others": several} if several else {})


def analyse(campaign: Campaign) -> Settings:
    """The plan of the campaign: arms, constraints, tests."""
    return {
        "campaign": campaign.campaign,
        "chemical_system": campaign.canonical_system,
        "seed": campaign.sampling.seed,
        "arms": [asdict(arm) for arm in arms(campaign)],
        "passes": passes_per_arm(campaign),
        "constraints": _constraints(campaign, {"terms", "combine", "satisfied_within", "primary"}),
        "deduplicate": dump(campaign.deduplicate, {"ltol", "stol", "angle_tol"}),
        "hull": dump(campaign.hull),
        "statistics": dump(campaign.statistics),
        "report": dump(campaign.report),
        **potentials(campaign, campaign.constraints),
    }


def passes_per_arm(campaign: Campaign) -> dict[str, float | None]:
    """Network passes per structure of each arm; None where the checkpoint does not tell its steps."""
    from lodestone.workflow.cost import denoising_steps, passes_per_structure

    steps = denoising_steps(campaign)
    return {
        arm.name: None if steps is None else passes_per_structure(campaign, arm, steps)
        for arm in arms(campaign)
        if not arm.imported
    }


def whole(campaign: Campaign) -> Settings:
    """Every setting: these stages show them."""
    return resolved(campaign) | {"arms": [asdict(arm) for arm in arms(campaign)]}


def _constraints(campaign: Campaign, keys: set[str]) -> Settings:
    return {name: dump(constraint, keys) for name, constraint in campaign.constraints.items()}


def by_estimator(found: Settings, campaign: Campaign, estimator: str | None) -> Settings:
    """The settings of an energy stage for another estimator than the judge; as they are for None."""
    if estimator is None:
        return found
    other = settings_of(campaign, estimator)
    found["energy"] = found["energy"] | {"estimator": other["estimator"]}
    found["assets"] = other["assets"]
    return found | ({"optional": True} if other["optional"] else {})
