"""What becomes of a campaign on a cluster: its arrays, the hours until it is sampled, and warnings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lodestone.config.arms import arms, shards
from lodestone.config.campaign import Campaign
from lodestone.operations import forecast
from lodestone.operations.arrays import Array
from lodestone.operations.profile import Profile
from lodestone.operations.speeds import CPU, GPU


@dataclass(frozen=True)
class Cluster:
    """The campaign on a cluster, as a profile describes it."""

    profile: str
    arrays: tuple[Array, ...]
    hours: float | None
    """Until everything is sampled, pilots first, if the cluster gives what the profile asks for."""
    warnings: tuple[str, ...]


def sampling_device(found: tuple[Array, ...]) -> str | None:
    """What the jobs that sample ask for; None without a profile."""
    sampling = next((array for array in found if "sample" in array.rules), None)
    if sampling is None:
        return None
    names = " ".join(str(sampling.parameters.get(name, "")) for name in ("slurm_gres", "gpus_per_node"))
    return GPU if names.strip(" 0") else CPU


def on_cluster(
    campaign: Campaign,
    profile: Profile,
    found: tuple[Array, ...],
    arm_hours: Sequence[float | None],
    pilot_hours: Sequence[float | None],
) -> Cluster:
    """The campaign on a cluster, from the hours that its arms and pilots take on one device."""
    sampling = next((array for array in found if "sample" in array.rules), None)
    pilot = next((array for array in found if "pilot" in array.rules), None)
    hours = _shard_hours(campaign, arm_hours)
    warnings = [*profile.remarks, *forecast.too_few_at_a_time(found, profile)]
    total = None
    if sampling is None:  # all structures come from elsewhere
        total = 0.0
    elif hours is not None:
        total = forecast.finished_after(hours, sampling.at_once)
        total += (
            forecast.finished_after([h for h in pilot_hours if h is not None], pilot.at_once)
            if pilot
            else 0.0
        )
        particles = campaign.guidance.particles
        lineage = particles.per_lineage if particles else 1
        size = min(campaign.sampling.shard, campaign.sampling.structures)
        warnings += forecast.too_long(hours, size, sampling, profile, lineage)
    return Cluster(str(profile.path), found, total, tuple(warnings))


def _shard_hours(campaign: Campaign, arm_hours: Sequence[float | None]) -> list[float] | None:
    """Hours of every shard of every arm; None where they are not known."""
    parts = [
        None if hours is None else hours * shard.structures / campaign.sampling.structures
        for arm, hours in zip(arms(campaign), arm_hours, strict=True)
        if not arm.imported
        for shard in shards(campaign, arm)
    ]
    known = [hours for hours in parts if hours is not None]
    return known if len(known) == len(parts) else None
