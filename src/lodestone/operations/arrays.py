"""What a campaign asks of a cluster by a profile: its jobs, in arrays of equal needs. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from lodestone.config.campaign import Campaign
from lodestone.operations.profile import Profile, ProfileError, work_out
from lodestone.workflow.jobs import Needs, grouped, levels
from lodestone.workflow.stages import NEEDS
from snakemake_executor_plugin_submitit.resources import ResourceError, parameters, summary


@dataclass(frozen=True)
class Array:
    """Jobs with equal needs."""

    name: str
    """The rule, or the group."""
    rules: tuple[str, ...]
    jobs: int
    here: bool
    """Whether they run on the machine that runs Snakemake."""
    waves: int
    """How often `jobs` of the profile has to be filled for them."""
    calls: int
    """Calls of sbatch: at least, where there are several waves."""
    at_once: int
    """The most that run at the same time."""
    asks: str
    minutes: int
    """Time limit."""
    parameters: Mapping[str, Any]
    """Of submitit."""


def arrays(campaign: Campaign, profile: Profile, rules: Mapping[str, Needs]) -> tuple[Array, ...]:
    """The arrays of a campaign, in the order of the rules.

    Raises:
        ProfileError: a rule would ask for what cannot be asked.
    """
    shapes: Counter[tuple[str, tuple[tuple[tuple[str, int], ...], ...]]] = Counter()
    for part in grouped(campaign, profile.groups, profile.group_components):
        name = profile.groups.get(part[0].rule, part[0].rule)
        shapes[name, tuple(tuple(sorted(level.items())) for level in levels(part))] += 1
    found = [_array(name, shape, number, profile, rules) for (name, shape), number in shapes.items()]
    order = list(NEEDS)
    return tuple(sorted(found, key=lambda array: min(map(order.index, array.rules))))


def asked(rule: str, profile: Profile, rules: Mapping[str, Needs]) -> dict[str, Any]:
    """Resources of a job of a rule: the profile's own word for it, else the rule's, else the default.

    Raises:
        ProfileError: an amount has no value for the threads of the rule.
    """
    threads = profile.set_threads.get(rule, rules[rule].threads)
    given = {**profile.default_resources, **rules[rule].resources, **profile.set_resources.get(rule, {})}
    try:
        return work_out(given, threads) | {"_cores": threads}
    except Exception as error:  # of the profile's own expression, which may raise anything
        raise _wrong(profile, rule, error) from error


def together(steps: Iterable[Iterable[tuple[Mapping[str, Any], int]]]) -> dict[str, Any]:
    """Resources of a group as Snakemake adds them up, from those of its jobs and their numbers, step by step.

    Raises:
        WorkflowError: jobs of the group ask for different texts, as for two partitions.
    """
    from snakemake.resources import GroupResources, Resources

    jobs = [
        [SimpleNamespace(resources=asks, pipe_group=None) for asks, number in step for _ in range(number)]
        for step in steps
    ]
    return dict(GroupResources.basic_layered(jobs, Resources(), run_local=False))


def submission(resources: Mapping[str, Any], name: str, profile: Profile) -> dict[str, Any]:
    """Parameters of submitit for these resources, as the executor would make them."""
    try:
        return parameters(resources, int(resources.get("_cores", 1)), profile)
    except ResourceError as error:
        raise _wrong(profile, name, error) from error


def _wrong(profile: Profile, name: str, error: Exception) -> ProfileError:
    """The error of a rule or group that asks for what cannot be asked."""
    return ProfileError(f"{profile.path}: set-resources or default-resources: {name}: {error}")


def _array(
    name: str,
    shape: tuple[tuple[tuple[str, int], ...], ...],
    number: int,
    profile: Profile,
    rules: Mapping[str, Needs],
) -> Array:
    from snakemake.exceptions import WorkflowError

    members = tuple(rule for level in shape for rule, _ in level)
    steps = [[(asked(rule, profile, rules), n) for rule, n in level] for level in shape]
    try:
        resources = together(steps)
    except WorkflowError as error:
        raise _wrong(profile, name, error) from error
    found = submission(resources, name, profile)
    here = profile.cluster == "local" or set(members) <= set(profile.here)
    wave = int(min(number, profile.jobs))
    waves = math.ceil(number / wave)
    each = math.ceil(wave / profile.array_limit)
    whole, rest = divmod(number, wave)
    calls = 0 if here else whole * each + math.ceil(rest / profile.array_limit)
    bound = profile.here_parallel if profile.cluster == "slurm" else wave
    return Array(
        name=name,
        rules=members,
        jobs=number,
        here=here,
        waves=waves,
        calls=calls,
        at_once=min(wave, bound if here else each * profile.array_parallelism),
        asks="" if here else summary(found),
        minutes=int(found["timeout_min"]),
        parameters={} if here else found,
    )
