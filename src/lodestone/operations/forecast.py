"""How long sampling takes on a cluster, and what will go wrong on the way. Pure."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence

from lodestone.operations.arrays import Array
from lodestone.operations.profile import Profile

MARGIN = 0.9
"""Share of a time limit that a shard may take: nodes differ, and the checkpoint is loaded first."""
JOBS_PER_SECOND = 500  # measured: docs/scaling.md
"""Jobs that Snakemake plans in a second, measured up to 11,000 on an idle core."""
SLOW_PLANNING = 10.0  # seconds


def finished_after(hours: Iterable[float], at_once: int) -> float:
    """Hours until jobs of these durations are done, started in order wherever one of `at_once` is free."""
    free: list[float] = []
    for each in hours:
        begin = heapq.heappop(free) if len(free) >= at_once else 0.0
        heapq.heappush(free, begin + each)
    return max(free, default=0.0)


def planning_seconds(jobs: int) -> float:
    """What Snakemake takes to plan so many jobs, each time it is started."""
    return jobs / JOBS_PER_SECOND


def shard_that_fits(structures: int, hours: float, minutes: float, lineage: int = 1) -> int:
    """Structures of a shard that ends within a time limit, where one of `structures` takes `hours`.

    At least one lineage of particles, and whole ones.
    """
    fits = math.floor(structures * MARGIN * minutes / (60 * hours))
    return max(lineage, fits - fits % lineage)


def too_long(
    hours: Sequence[float], structures: int, array: Array, profile: Profile, lineage: int = 1
) -> list[str]:
    """A warning where the longest of the shards does not fit into its time limit."""
    longest, minutes = max(hours, default=0.0), array.minutes
    if 60 * longest <= minutes or array.here:
        return []
    # a job is asked to stop before its limit and goes on where it was
    runs = math.ceil(60 * longest / max(1.0, minutes - profile.signal_delay / 60))
    fits = shard_that_fits(structures, longest, minutes, lineage)
    fit_in_time = 60 * longest * fits / structures <= minutes
    remedy = f"sampling.shard: {fits} fits" if fit_in_time else "no shard fits: a longer `runtime` would"
    text = (
        f"a shard of {structures} structures takes about {longest:.1f} h, its time limit is {minutes} min: "
        f"SLURM will requeue it {_times(runs - 1)}, and it goes on where it was each time; "
        f"{remedy}"
    )
    if runs - 1 > profile.max_timeouts:
        text += (
            f"; as it stands it fails after {profile.max_timeouts} returns "
            "(submitit-max-timeouts in the profile)"
        )
    return [text]


def _times(number: int) -> str:
    return "once" if number == 1 else f"about {number} times"


def too_few_at_a_time(arrays: Iterable[Array], profile: Profile) -> list[str]:
    """A warning where `jobs` of the profile is smaller than an array could be."""
    largest = max((a for a in arrays if not a.here), key=lambda a: a.jobs, default=None)
    if largest is None or largest.waves < 2:
        return []
    text = (
        f"{profile.path}: jobs: {profile.jobs:g} is less than the {largest.jobs:,} jobs of {largest.name}: "
        f"they go in {largest.waves} waves, and arrays shrink to what ends in between; "
        f"jobs: {largest.jobs} submits them at once (submitit-array-parallelism bounds how many run)"
    )
    return [text]
