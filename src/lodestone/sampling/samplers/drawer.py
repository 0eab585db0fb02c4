"""What every sampler gives: the plan of a shard, and a function that draws a batch of it.

A sampler is one file of this package with `KINDS`, the names by which an arm calls for it, and
`make(job)`. Nothing else has to be registered; its settings are one file of `campaign/sections/samplers`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from lodestone.sampling.shard import Draw, ShardPlan

GUIDED = "guided"
"""The sampler of an arm that names none."""


@dataclass(frozen=True)
class Job:
    """A sampling job: its settings, the device, and the files that it was given."""

    settings: Mapping[str, Any]
    device: str
    hull: Sequence[Path] = ()
    """References and their energies, where a term needs a hull."""
    proposals: Sequence[Path] = ()
    """The table of proposals, where the sampler asks for them."""


@dataclass(frozen=True)
class Drawer:
    """How a shard is drawn: `draw(offset, size)` gives the rows of a batch."""

    plan: ShardPlan
    draw: Draw
    per_lineage: int = 1
    steps: int = 0
    """Denoising steps; 0 where no network is asked."""


def drawer(job: Job) -> Drawer:
    """What draws the shard of a job; raises ValueError for an unknown sampler."""
    kind = job.settings.get("sampler", {}).get("kind", GUIDED)
    if kind not in (known := samplers()):
        raise ValueError(f"no sampler {kind!r}; there are: {', '.join(sorted(known))}")
    found: Drawer = known[kind].make(job)
    return found


@cache
def samplers() -> dict[str, ModuleType]:
    """Modules of this package by the names of their samplers."""
    import lodestone.sampling.samplers as package

    modules = [import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    return {kind: module for module in modules for kind in getattr(module, "KINDS", ())}
