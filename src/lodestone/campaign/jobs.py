"""Every job of a campaign, what each waits for, and how a profile's groups join them. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lodestone.campaign import potentials
from lodestone.campaign.arms import Arm, arms
from lodestone.campaign.drawing import sampler_section
from lodestone.campaign.rules import HULL, NEEDS, WHERE_TERMS_NEED_A_HULL
from lodestone.campaign.shards import shards
from lodestone.config.campaign import Campaign

PER_ARM = ("measure", "relax", "symmetrize", "screen", "deduplicate", "novelty", "energy")
ONCE = ("references", "reference_energy", "hull", "analyse", "record", "report", "figures")


@dataclass(frozen=True)
class Job:
    """One job; the fields are its wildcards."""

    rule: str
    arm: str | None = None
    shard: int | None = None
    constraint: str | None = None
    estimator: str | None = None


def other_estimators(campaign: Campaign) -> list[str]:
    """Names of the estimators beside the judge: of terms of constraints, then of `energy.estimators`."""
    own = campaign.energy.estimator.model_dump(mode="json")
    wanted = [*potentials.estimators(campaign, campaign.constraints), *potentials.others(campaign)]
    return list(dict.fromkeys(potentials.key(estimator) for estimator in wanted if estimator != own))


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


def jobs(campaign: Campaign) -> list[Job]:
    """Every job, in the order of the rules."""
    every = arms(campaign)
    beside = [potentials.key(estimator) for estimator in potentials.others(campaign)]
    return [
        *(Job(rule) for rule in ONCE[:2]),
        *(Job("term_reference_energy", estimator=name) for name in other_estimators(campaign)),
        *(Job("pilot", constraint=arm.constraint) for arm in piloted(campaign)),
        *(Job("train_generator", arm.name) for arm in proposed(campaign) if learns(campaign, arm)),
        *(Job("propose", arm.name) for arm in proposed(campaign)),
        *(Job("sample", a.name, part.index) for a in every if not a.imported for part in shards(campaign, a)),
        *(Job("import_structures", arm.name) for arm in every if arm.imported),
        *(Job(rule, arm.name) for rule in PER_ARM for arm in every),
        *(Job("other_energy", arm.name, estimator=name) for name in beside for arm in every),
        *(Job(rule) for rule in ONCE[2:]),
    ]


def grouped(campaign: Campaign, groups: Mapping[str, str], components: Mapping[str, int]) -> list[list[Job]]:
    """The jobs as they are submitted: alone, or those of a group that depend on each other together.

    As Snakemake does it: jobs of a group that are not connected within it stay apart, unless
    `components` says how many of them go together.
    """
    every = jobs(campaign)
    alone = [[job] for job in every if job.rule not in groups]
    members: dict[str, list[Job]] = defaultdict(list)
    for job in every:
        if job.rule in groups:
            members[groups[job.rule]].append(job)
    for group, inside in members.items():
        parts = connected(campaign, inside)
        size = components.get(group, 1)
        alone += [[job for part in parts[i : i + size] for job in part] for i in range(0, len(parts), size)]
    return alone


def connected(campaign: Campaign, inside: Iterable[Job]) -> list[list[Job]]:
    """These jobs in parts that do not wait for each other."""
    inside = list(inside)
    parent = {job: job for job in inside}

    def root(job: Job) -> Job:
        while parent[job] is not job:
            parent[job] = parent[parent[job]]
            job = parent[job]
        return job

    for job, needed in _edges(campaign, inside):
        parent[root(job)] = root(needed)
    parts: dict[Job, list[Job]] = defaultdict(list)
    for job in inside:
        parts[root(job)].append(job)
    return list(parts.values())


def levels(part: Iterable[Job]) -> list[Counter[str]]:
    """Rules of a group by how long a chain of its own rules they wait for, with their numbers of jobs."""
    counts = Counter(job.rule for job in part)
    depth: dict[str, int] = {}
    for rule in NEEDS:  # each after those that it needs
        if rule in counts:
            depth[rule] = max((depth[needed] + 1 for needed in NEEDS[rule] if needed in depth), default=0)
    found = [Counter[str]() for _ in range(max(depth.values(), default=-1) + 1)]
    for rule, level in depth.items():
        found[level][rule] = counts[rule]
    return found


def _edges(campaign: Campaign, inside: list[Job]) -> Iterable[tuple[Job, Job]]:
    """Pairs of a job and one that it waits for, both of these."""
    by_rule: dict[str, list[Job]] = defaultdict(list)
    by_place: dict[tuple[str, str | None], list[Job]] = defaultdict(list)
    for job in inside:
        by_rule[job.rule].append(job)
        by_place[job.rule, job.arm or job.constraint].append(job)
    constraint = {arm.name: arm.constraint for arm in arms(campaign) if arm.piloted}
    hull = bool(potentials.estimators(campaign, campaign.constraints))
    for job in inside:
        for rule in NEEDS[job.rule]:
            if rule in HULL and job.rule in WHERE_TERMS_NEED_A_HULL and not hull and job.rule != "pilot":
                continue
            if rule == "pilot" and job.arm:
                needed = by_place["pilot", constraint.get(job.arm)]
            elif job.arm and rule not in ONCE:
                needed = by_place[rule, job.arm]
            else:
                needed = by_rule[rule]
            yield from ((job, one) for one in needed)
