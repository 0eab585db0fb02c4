"""From the `energy.estimator` section of a campaign to an estimator.

A kind of estimator is one file of this package: it has `KIND`, its name in the config, and
`create(settings, batch_size)`. Nothing else has to be registered anywhere.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

from lodestone.energies.evaluation import Estimator
from lodestone.energies.guards import Guards, guards_for


def make_estimator(settings: Mapping[str, Any], batch_size: int = 32) -> Estimator:
    """The estimator of `{kind: ..., ...}`, loaded once per process; raises ValueError for an unknown kind."""
    return _made(json.dumps(dict(settings), sort_keys=True), batch_size)


@lru_cache(maxsize=4)
def _made(settings: str, batch_size: int) -> Estimator:
    kinds, chosen = estimator_kinds(), json.loads(settings)
    kind = chosen.get("kind")
    if kind not in kinds:
        message = f"no estimator of kind {kind!r}; there are: {', '.join(sorted(kinds))}"
        raise ValueError(message)
    estimator: Estimator = kinds[kind].create(chosen, batch_size)
    return estimator


@cache
def estimator_kinds() -> dict[str, ModuleType]:
    """Modules of this package that make an estimator, by the name of their kind."""
    import lodestone.energies as package

    modules = (import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__))
    return {module.KIND: module for module in modules if hasattr(module, "KIND")}


def estimator_and_guards(settings: Mapping[str, Any]) -> tuple[Estimator, Guards]:
    """The estimator of a stage's settings, and the guards with the campaign's screening limits.

    Reads `energy.estimator`, `energy.batch_size` and, where given, `screen.volume_per_atom`
    (Å³) and `screen.min_distance` (Å).
    """
    energy, screen = settings["energy"], settings.get("screen") or {}
    estimator = make_estimator(energy["estimator"], energy.get("batch_size", 32))
    limits = Guards()
    return estimator, guards_for(
        estimator,
        volume_per_atom=tuple(screen.get("volume_per_atom", limits.volume_per_atom)),
        min_distance=screen.get("min_distance", limits.min_distance),
    )
