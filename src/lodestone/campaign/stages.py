"""What each stage depends on: its slice of the campaign, and the version of its code.

Snakemake reruns a job when its params change. So a slice holds nothing that the stage does not use, and
everything that it does: an edit reruns what it touches and what comes after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lodestone.campaign.arms import Arm, arms
from lodestone.campaign.assets import hashes
from lodestone.campaign.code import code
from lodestone.campaign.config import Campaign
from lodestone.campaign.potentials import key, others, potentials, settings_of
from lodestone.campaign.sections.base import Section
from lodestone.campaign.shards import Shard
from lodestone.files import file_hash
from lodestone.references.descriptions import describe

Settings = dict[str, Any]

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
    if stage == "sample":
        if arm is None or shard is None:
            raise ValueError("the settings of sample need an arm and a shard")
        return _sample(campaign, arm, shard)
    if stage == "pilot":
        if arm is None or arm.constraint is None or not arm.piloted:
            raise ValueError("the settings of pilot need an arm whose strength a pilot chooses")
        return _pilot(campaign, arm.constraint)
    if stage == "import_structures":
        if arm is None or arm.structures is None:
            raise ValueError("the settings of import_structures need an arm whose structures are imported")
        return _import(campaign, arm.name, Path(arm.structures))
    if stage not in SLICES:
        raise ValueError(f"no stage {stage!r}; there are: {', '.join(STAGES)}")
    found = SLICES[stage](campaign)
    if estimator is not None:
        other = settings_of(campaign, estimator)
        found["energy"] = found["energy"] | {"estimator": other["estimator"]}
        found["assets"] = other["assets"]
        found |= {"optional": True} if other["optional"] else {}
    return found


def resolved(campaign: Campaign) -> Settings:
    """The whole campaign with every default filled in, JSON-able."""
    return _dump(campaign)


def _sample(campaign: Campaign, arm: Arm, shard: Shard) -> Settings:
    constraint = None
    if arm.constraint is not None:
        constraint = _dump(campaign.constraints[arm.constraint], {"terms", "combine"})
    return {
        "campaign": campaign.campaign,
        "chemical_system": campaign.canonical_system,
        "model": _dump(campaign.model),
        "sampling": _sampler(campaign),
        "arm": {"name": arm.name, "kind": arm.kind, "constraint": arm.constraint, "strength": arm.strength},
        "shard": {"index": shard.index, "first": shard.first, "structures": shard.structures},
        "constraint": constraint,
        **steering(campaign, arm),
        **(potentials(campaign, [arm.constraint]) if arm.constraint is not None else {}),
        **_look_ahead(campaign, arm),
        "assets": hashes(campaign, "model"),
    }


def _import(campaign: Campaign, arm: str, path: Path) -> Settings:
    """Where the structures of an arm come from; an edited file is imported anew."""
    sha256 = file_hash(path) if path.exists() else "missing"
    return {"campaign": campaign.campaign, "arm": arm, "structures": str(path), "sha256": sha256}


def _look_ahead(campaign: Campaign, arm: Arm) -> Settings:
    """The estimator by which particles look ahead; nothing where they do not."""
    particles = campaign.guidance.particles
    looks = arm.kind == "guided" and particles is not None and particles.look_ahead > 0
    return {"look_ahead": _estimator(campaign, {"estimator"})} if looks else {}


def _pilot(campaign: Campaign, constraint: str) -> Settings:
    """What the pilot of a constraint depends on: how candidates and control are sampled and judged."""
    guided, control = Arm(f"{constraint}-auto", "guided", constraint, None), Arm("control", "control")
    pilot, particles = campaign.guidance.pilot, campaign.guidance.particles
    if pilot is None:
        raise ValueError("the strengths of this campaign are given; there is no pilot")
    one = _dump(campaign.constraints[constraint], {"terms", "combine", "satisfied_within"})
    return {
        "constraint": constraint,
        "seed": campaign.sampling.seed,
        "auto": _dump(pilot),
        "lineage": particles.per_lineage if particles else 1,
        "guided": _sample(campaign, guided, Shard(guided, 0, 1)),
        "control": _sample(campaign, control, Shard(control, 0, 1)),
        "constraints": {constraint: one},
        **_energy(campaign),
    }


def _sampler(campaign: Campaign) -> Settings:
    """The settings of the sampler itself; those of what is known beforehand only where something is."""
    section = campaign.sampling
    found = _dump(section, {"seed", "batch_size", "atoms", "steps", "corrector"})
    if section.composition is not None:
        found |= _dump(section, {"composition", "formula_units"})
    if section.template is not None:
        path = Path(section.template.file)
        sha256 = file_hash(path) if path.is_file() else "missing"
        found["template"] = _dump(section.template) | {"sha256": sha256}
    return found


def steering(campaign: Campaign, arm: Arm) -> Settings:
    """How an arm is steered: `guidance`, `loop` and `particles`, as the sampler takes them.

    unguided knows nothing of the section `guidance`, control its recurrence only, and late acts
    below `late_start`, without particles. `backward` is None until a pilot has chosen it.
    """
    section = campaign.guidance
    if arm.kind == "unguided":
        return {"guidance": None, "loop": {"recurrence": 1, "start": 1.0, "algorithm": 2}, "particles": None}
    start = section.late_start if arm.kind == "late" else section.start
    loop = {"recurrence": section.recurrence, "start": start, "algorithm": section.algorithm}
    if arm.kind == "control":
        return {"guidance": None, "loop": loop, "particles": None}
    used = {"backward_steps", "forward", "stop", "schedule", "period", "normalisation", "fields"}
    guidance = {"backward": arm.strength, "start": start} | _dump(section, used)
    particles = section.particles if arm.kind == "guided" else None
    return {"guidance": guidance, "loop": loop, "particles": _dump(particles) if particles else None}


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
    return _measure(campaign) | _estimator(campaign, {"estimator", "batch_size", "relax"})


def _symmetrize(campaign: Campaign) -> Settings:
    return _dump(campaign.symmetrize)


def _screen(campaign: Campaign) -> Settings:
    return _dump(campaign.screen) | {"chemical_system": campaign.canonical_system}


def _deduplicate(campaign: Campaign) -> Settings:
    section = campaign.deduplicate
    matcher = {"ltol", "stol", "angle_tol"} if section.method == "two_stage" else set()
    return _dump(section, {"method", "threshold", "cutoff", "sigma"} | matcher) | _idle_matcher(campaign)


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
    return _dump(type(campaign.deduplicate)(), {"ltol", "stol", "angle_tol"})


def _energy(campaign: Campaign) -> Settings:
    return _estimator(campaign, {"estimator", "batch_size"})


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
        "deduplicate": _dump(campaign.deduplicate, {"ltol", "stol", "angle_tol"}),
        "hull": _dump(campaign.hull),
        "statistics": _dump(campaign.statistics),
        "report": _dump(campaign.report),
    }


def passes_per_arm(campaign: Campaign) -> dict[str, float | None]:
    """Network passes per structure of each arm; None where the checkpoint does not tell its steps."""
    from lodestone.campaign.cost import denoising_steps, passes_per_structure

    steps = denoising_steps(campaign)
    return {
        arm.name: None if steps is None else passes_per_structure(campaign, arm, steps)
        for arm in arms(campaign)
        if not arm.imported
    }


def _whole(campaign: Campaign) -> Settings:
    return resolved(campaign) | {"arms": [asdict(arm) for arm in arms(campaign)]}


def _constraints(campaign: Campaign, keys: set[str]) -> Settings:
    return {name: _dump(constraint, keys) for name, constraint in campaign.constraints.items()}


def _estimator(campaign: Campaign, keys: set[str]) -> Settings:
    return {
        "energy": _dump(campaign.energy, keys),
        "screen": _dump(campaign.screen, {"volume_per_atom", "min_distance"}),
        "assets": hashes(campaign, "energy"),
    }


def _dump(section: Section, keys: set[str] | None = None) -> Settings:
    return section.model_dump(mode="json", include=keys)


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
STAGES = ("pilot", "sample", "import_structures", *SLICES)
"""Every stage of a campaign."""
