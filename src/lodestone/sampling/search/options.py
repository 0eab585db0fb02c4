"""How a structure search goes, from the sampler of an arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EVALUATIONS = 4  # of the potential between `start` and t = 0, where no period is given


@dataclass(frozen=True)
class DriftOptions:
    """The physical part of the drift.

    The weight λ_t rises linearly from 0 at t = `start` to `strength` at t = 0. On every `period`-th level
    below `start` forces are evaluated; the step that they give acts until the next evaluation. `period` None
    spreads `EVALUATIONS` of them, whatever the number of levels. `mobility` (Å²/eV) turns a force into a
    displacement, which `longest_step` (Å per atom) caps.
    """

    strength: float = 0.0
    start: float = 0.3
    period: int | None = None
    mobility: float = 0.2
    longest_step: float = 0.5

    def weight(self, t: float) -> float:
        """λ_t, 0 where forces do not act."""
        return self.strength * max(0.0, self.start - t) / self.start

    def due(self, level: int, levels: int) -> bool:
        """Whether forces are evaluated at this of the `levels` below `start`, counted from 0."""
        period = self.period or max(1, round(levels / EVALUATIONS))
        return level % period == 0


@dataclass(frozen=True)
class RandomOptions:
    """Random structures.

    `volume` is the range of volumes in units of the estimate; atoms are at least `separation` times the
    sum of their covalent radii apart.
    """

    volume: tuple[float, float] = (0.7, 1.4)
    separation: float = 0.8


@dataclass(frozen=True)
class SearchOptions:
    """A whole search: drift, random start (where nothing denoises), repulsion and finishing relaxation.

    `relax_steps` 0 leaves the relaxation out; `largest_force` (eV/Å) ends it. The repulsion acts below
    `repulsion_share` of the sum of two covalent radii with `repulsion_stiffness` eV/Å².
    """

    drift: DriftOptions = field(default_factory=DriftOptions)
    start: RandomOptions = field(default_factory=RandomOptions)
    relax_steps: int = 500
    largest_force: float = 0.05
    repulsion_share: float = 0.7
    repulsion_stiffness: float = 50.0


def options_of(settings: Mapping[str, Any]) -> SearchOptions:
    """The options in `settings["sampler"]`, a section of kind gss or rss as JSON-able values."""
    given = settings["sampler"]
    shared = {
        "relax_steps": given["relax_steps"],
        "largest_force": given["largest_force"],
        "repulsion_share": given["repulsion"]["share"],
        "repulsion_stiffness": given["repulsion"]["stiffness"],
    }
    if given["kind"] == "rss":
        low, high = given["volume"]
        return SearchOptions(start=RandomOptions((low, high), given["separation"]), **shared)
    keys = ("strength", "start", "period", "mobility", "longest_step")
    return SearchOptions(drift=DriftOptions(**{key: given[key] for key in keys}), **shared)
