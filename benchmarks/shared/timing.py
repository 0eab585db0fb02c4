"""Interleaved timing of alternatives, and ratios of their medians with a bootstrap interval."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

DRAWS = 4000


@dataclass
class Clocks:
    """Seconds of one alternative, one entry per repeat: on the wall, and of all threads of the process."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Ratio:
    """A ratio of medians and its percentile bootstrap interval (95 %)."""

    value: float
    low: float
    high: float


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of one call: wall clock, CPU time of the process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def interleaved(
    work: Mapping[str, Callable[[], object]], repeats: int, *, warm_up: int = 1, seed: int = 0
) -> dict[str, Clocks]:
    """Time every alternative once per repeat, in a new random order each time.

    A machine that slows down or is shared for a while then slows all alternatives alike.
    """
    order, rng = list(work), random.Random(seed)
    found = {name: Clocks() for name in order}
    for repeat in range(warm_up + repeats):
        rng.shuffle(order)
        for name in order:
            wall, cpu = timed(work[name])
            if repeat >= warm_up:
                found[name].wall.append(wall)
                found[name].cpu.append(cpu)
    return found


def ratio_of_medians(
    numerator: Sequence[float],
    denominator: Sequence[float],
    *,
    paired: bool,
    draws: int = DRAWS,
    seed: int = 0,
) -> Ratio:
    """median(numerator) / median(denominator); `paired`: entries of the same repeat are drawn together."""
    if not numerator or not denominator:
        raise ValueError("a ratio needs at least one repeat of both sides")
    if paired and len(numerator) != len(denominator):
        raise ValueError("paired repeats must be as many on both sides")
    rng = random.Random(seed)
    ratios = []
    for _ in range(draws):
        above = rng.choices(range(len(numerator)), k=len(numerator))
        below = above if paired else rng.choices(range(len(denominator)), k=len(denominator))
        ratios.append(median(numerator[i] for i in above) / median(denominator[i] for i in below))
    ratios.sort()
    last = draws - 1
    return Ratio(
        median(numerator) / median(denominator), ratios[round(0.025 * last)], ratios[round(0.975 * last)]
    )
