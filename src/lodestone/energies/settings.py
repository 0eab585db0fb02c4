"""The settings of the stages that evaluate energies.

Scripts name these models before threads are set, so nothing numerical is imported here.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lodestone.schema.sections import Range, Slice


class EstimatorSection(Slice):
    """Of the section `energy`, what an evaluation needs."""

    estimator: dict[str, Any]
    """`{kind: ..., ...}`, as the kind defines it."""
    batch_size: int = 32


class GuardLimits(Slice):
    """Of the section `screen`, the limits of the guards."""

    volume_per_atom: Range[float]
    """Å³."""
    min_distance: float
    """Å."""


class EnergySettings(Slice):
    """The estimator, the limits of its guards and the hashes of its model."""

    energy: EstimatorSection
    screen: GuardLimits | None = None
    assets: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of the model's files, by name."""
    optional: bool = False
    """Whether the campaign goes on without this estimator."""
