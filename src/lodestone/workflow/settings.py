"""What each stage depends on: its slice of the campaign, and the version of its code.

Snakemake reruns a job when its params change. So a slice holds nothing that the stage does not use, and
everything that it does: an edit reruns what it touches and what comes after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from lodestone.config.arms import Arm, Shard, arms
from lodestone.config.campaign import Campaign
from lodestone.references.descriptions import describe
from lodestone.workflow.assets import hashes
from lodestone.workflow.code import code
from lodestone.workflow.drawing import OF_PROPOSALS, Settings, dump, estimator_slice, imported, sample
from lodestone.workflow.potentials import key, others, potentials, settings_of

__all__ = ["STAGES", "code", "resolved", "settings"]


def settings(
    stage: str,
    campaign: Campaign,
    *,
    arm: Arm | None = None,
    shard: Shard | None = None,
    estimator: str | None = None,
) -> Settings:
    """The JSON-able slice of a campaign that a stage depends on.

    `estimator` is the name of another estimator than the judge: of a term, or of `energy.estimators`.

    Raises:
        ValueError: there is no such stage, `sample` lacks its arm or shard, or another its arm.
    """
    if stage in OF_ARMS:
        return _of_an_arm(stage, campaign, arm, shard)
    if stage not in SLICES:
        raise ValueError(f"no stage {stage!r}; there are: {', '.join(STAGES)}")
    found = SLICES[stage](campaign)
    if estimator is not None:
        other = settings_of(campaign, estimator)
        found["energy"] = found["energy"] | {"estimator": other["estimator"]}
        found["assets"] = other["assets"]
        found |= {"optional": True} if other["optional"] else {}
    return found


def _of_an_arm(stage: str, campaign: Campaign, arm: Arm | None, shard: Shard | None) -> Settings:
    """The slice of a stage that differs from arm to arm."""
    if stage == "sample":
        if arm is None or shard is None:
            raise ValueError("the settings of sample need an arm and a shard")
        return sample(campaign, arm, shard)
    if stage == "pilot":
        if arm is None or arm.constraint is None or not arm.piloted:
            raise ValueError("the settings of pilot need an arm whose strength a pilot chooses")
        return _pilot(campaign, arm.constraint)
    if stage == "import_structures":
        if arm is None or arm.structures is None:
            raise ValueError("the settings of import_structures need an arm whose structures are imported")
        return imported(campaign, arm.name, Path(arm.structures))
    if stage in OF_PROPOSALS:
        if arm is None or arm.sampler is None:
            raise ValueError(f"the settings of {stage} need an arm whose sampler asks for proposals")
        return OF_PROPOSALS[stage](campaign, arm)
    raise ValueError(f"no stage {stage!r} of an arm")


def resolved(campaign: Campaign) -> Settings:
    """The whole campaign with every default filled in, JSON-able."""
    return dump(campaign)


def _pilot(campaign: Campaign, constraint: str) -> Settings:
    """What the pilot of a constraint depends on: how candidates and control are sampled and judged."""
    guided, control = Arm(f"{constraint}-auto", "guided", constraint, None), Arm("control", "control")
    pilot, particles = campaign.guidance.pilot, campaign.guidance.particles
    if pilot is None:
        raise ValueError("the strengths of this campaign are given; there is no pilot")
    one = dump(campaign.constraints[constraint], {"terms", "combine", "satisfied_within"})
    return {
        "constraint": constraint,
        "seed": campaign.sampling.seed,
        "auto": dump(pilot),
        "lineage": particles.per_lineage if particles else 1,
        "guided": sample(campaign, guided, Shard(guided, 0, 1)),
        "control": sample(campaign, control, Shard(control, 0, 1)),
        "constraints": {constraint: one},
        **_energy(campaign),
    }


def _references(campaign: Campaign) -> Settings:
    return {
        "chemical_system": campaign.canonical_system,
        "references": [describe(source) for source in campaign.references],
        "assets": hashes(campaign, "references"),
    }


def _measure(campaign: Campaign) -> Settings:
    constraints = _constraints(campaign, {"terms", "combine", "satisfied_within"})
    return {"constraints": constraints} | potentials(campaign, campaign.constraints)


def _relax(campaign: Campaign) -> Settings:
    return _measure(campaign) | estimator_slice(campaign, {"estimator", "batch_size", "relax"})


def _symmetrize(campaign: Campaign) -> Settings:
    return dump(campaign.symmetrize)


def _screen(campaign: Campaign) -> Settings:
    return dump(campaign.screen) | {"chemical_system": campaign.canonical_system}


def _deduplicate(campaign: Campaign) -> Settings:
    section = campaign.deduplicate
    matcher = {"ltol", "stol", "angle_tol"} if section.method == "two_stage" else set()
    return dump(section, {"method", "threshold", "cutoff", "sigma"} | matcher) | _idle_matcher(campaign)


def _novelty(campaign: Campaign) -> Settings:
    similarity = {k: v for k, v in _deduplicate(campaign).items() if k != "threshold"}
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


def _energy(campaign: Campaign) -> Settings:
    return estimator_slice(campaign, {"estimator", "batch_size"})


def _hull(campaign: Campaign) -> Settings:
    several = [key(estimator) for estimator in others(campaign)]
    return {"elements": list(campaign.elements)} | ({"others": several} if several else {})


def _analyse(campaign: Campaign) -> Settings:
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


def _whole(campaign: Campaign) -> Settings:
    return resolved(campaign) | {"arms": [asdict(arm) for arm in arms(campaign)]}


def _constraints(campaign: Campaign, keys: set[str]) -> Settings:
    return {name: dump(constraint, keys) for name, constraint in campaign.constraints.items()}


SLICES: dict[str, Callable[[Campaign], Settings]] = {
    "references": _references,
    "measure": _measure,
    "relax": _relax,
    "symmetrize": _symmetrize,
    "screen": _screen,
    "deduplicate": _deduplicate,
    "novelty": _novelty,
    "energy": _energy,
    "reference_energy": _energy,
    "hull": _hull,
    "analyse": _analyse,
    "record": _whole,
    "report": _whole,
    "figures": _whole,
}
OF_ARMS = ("pilot", *OF_PROPOSALS, "sample", "import_structures")
"""Stages whose settings differ from arm to arm."""
STAGES = (*OF_ARMS, *SLICES)
"""Every stage of a campaign."""
