"""The settings of the stages that judge structures by constraints.

Scripts name these models before threads are set, so nothing numerical is imported here.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lodestone.energies.settings import EstimatorSection, GuardLimits
from lodestone.schema.sections import Listed, Slice


class ConstraintSection(Slice):
    """A constraint; each term is `{kind: ..., ...}`, as the kind defines it."""

    terms: Listed[dict[str, Any]]
    combine: float
    satisfied_within: float


class PotentialSettings(Slice):
    """By which estimators terms judge, and against which references; see `Context`."""

    default: dict[str, Any]
    estimators: Listed[dict[str, Any]]
    batch_size: int
    screen: GuardLimits
    elements: Listed[str]
    references: Listed[dict[str, Any]]
    assets: dict[str, str]


class MeasureSettings(Slice):
    """Constraints by name; `potentials` where a term needs them."""

    constraints: dict[str, ConstraintSection]
    potentials: PotentialSettings | None = None


class RelaxSection(Slice):
    """The section `energy.relax`."""

    steps: int
    largest_force: float
    """eV/Å."""


class RelaxingSection(EstimatorSection):
    """Of the section `energy`, what the short relaxation needs."""

    relax: RelaxSection


class RelaxSettings(MeasureSettings):
    """The same constraints, and the short relaxation."""

    energy: RelaxingSection
    screen: GuardLimits | None = None
    assets: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of the estimator's files, by name."""
