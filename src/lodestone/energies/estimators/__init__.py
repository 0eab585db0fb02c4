"""Estimators: the kinds there are, what the configuration accepts, and from settings to an estimator."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from lodestone import plugins
from lodestone.energies.estimators.base import EstimatorSettings

if TYPE_CHECKING:
    from lodestone.energies.evaluation import Estimator as Made
    from lodestone.energies.guards import Guards

GROUP = "estimators"
"""Entry points of other packages: `lodestone.estimators`."""


@cache
def estimator_kinds() -> dict[str, type[EstimatorSettings]]:
    """Every kind of estimator by its `kind`."""
    return plugins.kinds(sys.modules[__name__], EstimatorSettings, GROUP)


Estimator: Any = Annotated[Union[tuple(estimator_kinds().values())], Field(discriminator="kind")]  # noqa: UP007
"""The section `energy.estimator` of a campaign."""


def settings_of(mapping: Mapping[str, Any]) -> EstimatorSettings:
    """The settings `{kind: ..., ...}` of a validated campaign; raises ValueError for an unknown kind."""
    kind = mapping.get("kind")
    if kind not in estimator_kinds():
        raise ValueError(f"no estimator of kind {kind!r}; there are: {', '.join(sorted(estimator_kinds()))}")
    return estimator_kinds()[kind].model_construct(**mapping)


def make_estimator(settings: Mapping[str, Any], batch_size: int = 32) -> Made:
    """The estimator of `{kind: ..., ...}`, loaded once per process; raises ValueError for an unknown kind."""
    return _made(json.dumps(dict(settings), sort_keys=True), batch_size)


@lru_cache(maxsize=4)
def _made(settings: str, batch_size: int) -> Made:
    return settings_of(json.loads(settings)).create(batch_size)


def estimator_and_guards(settings: Mapping[str, Any]) -> tuple[Made, Guards]:
    """The estimator of a stage's settings, and the guards with the campaign's screening limits.

    Reads `energy.estimator`, `energy.batch_size` and, where given, `screen.volume_per_atom`
    (Å³) and `screen.min_distance` (Å).
    """
    from lodestone.energies.guards import Guards, guards_for

    energy, screen = settings["energy"], settings.get("screen") or {}
    estimator = make_estimator(energy["estimator"], energy.get("batch_size", 32))
    limits = Guards()
    return estimator, guards_for(
        estimator,
        volume_per_atom=tuple(screen.get("volume_per_atom", limits.volume_per_atom)),
        min_distance=screen.get("min_distance", limits.min_distance),
    )
