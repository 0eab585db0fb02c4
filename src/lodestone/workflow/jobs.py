"""Every job of a campaign: what it asks for, what it waits for, how groups of a profile join jobs. Pure."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodestone.config.arms import arms
from lodestone.config.campaign import Campaign
from lodestone.workflow import potentials
from lodestone.workflow.stages import BY_NAME, NEEDS, Job, Per, jobs

OF_ARMS = {Per.ARM, Per.SHARD, Per.ARM_AND_ESTIMATOR}
GROWING = re.compile(r"lambda wildcards, attempt: (\d+) \* attempt")
"""A resource of which the next attempt of a job gets more."""
FOLDER = Path(__file__).parents[3] / "rules"


class RulesError(ValueError):
    """A file of rules is missing, or does not tell what its jobs need; the message names it."""


@dataclass(frozen=True)
class Needs:
    """What a job of a rule asks for."""

    threads: int
    resources: Mapping[str, Any]


# Snakemake's own answer would be the rules of a parsed workflow. But its API prints only their names, a
# profile alone has no campaign by which the Snakefile could be parsed, and that takes seconds for 1,000 arms.
def read_rules(folder: Path = FOLDER) -> dict[str, Needs]:
    """Threads and resources of every rule of a campaign, as they stand in its file.

    What grows with the attempt is that of the first.

    Raises:
        RulesError: a rule is missing, or a value is not a plain number or text, or grows in another way.
    """
    found = {
        name: (path, body)
        for path in sorted(folder.glob("*.smk"))
        for name, body in _bodies(path.read_text(encoding="utf-8"))
    }
    if missing := [name for name in NEEDS if name not in found]:
        raise RulesError(f"{folder}/*.smk: no rule {', '.join(missing)}; run in a whole copy of Lodestone")
    return {name: needs(*found[name], name) for name in NEEDS}


def needs(path: Path, body: str, rule: str) -> Needs:
    """What the text of a rule says about its jobs."""
    threads = re.search(r"^    threads: *(\d+)$", body, re.MULTILINE)
    block = re.search(r"^    resources:\n((?:        .*\n)+)", body, re.MULTILINE)
    lines = block.group(1).splitlines() if block else []
    resources = dict(_resource(line.strip(), f"{path}: rule {rule}") for line in lines)
    return Needs(int(threads.group(1)) if threads else 1, resources)


def _bodies(text: str) -> list[tuple[str, str]]:
    parts = re.split(r"^rule (\w+):\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _resource(line: str, where: str) -> tuple[str, Any]:
    name, _, value = line.rstrip(",").partition("=")
    if grows := GROWING.fullmatch(value.strip()):
        return name.strip(), int(grows[1])
    try:
        return name.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError):
        raise RulesError(
            f"{where}: resources: {line!r} is no plain number or text; write name=number, or "
            "name=lambda wildcards, attempt: number * attempt"
        ) from None


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
        stage = BY_NAME[job.rule]
        for rule in stage.waits_for if hull else stage.needs:
            if rule == "pilot" and job.arm:
                needed = by_place["pilot", constraint.get(job.arm)]
            elif job.arm and BY_NAME[rule].per in OF_ARMS:
                needed = by_place[rule, job.arm]
            else:
                needed = by_rule[rule]
            yield from ((job, one) for one in needed)
