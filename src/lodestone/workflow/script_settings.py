"""The settings of the stages whose library code takes plain values: only their scripts read these."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lodestone.schema.sections import Listed, Slice


class ReferencesSettings(Slice):
    """Which sources are asked, and for which chemical system."""

    chemical_system: str
    references: Listed[str | dict[str, Any]]
    """Each by its name, or described in full."""
    assets: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of the files of each source that has some here; they decide when to run again."""


class ImportSettings(Slice):
    """Where the structures of an arm come from."""

    campaign: str
    arm: str
    structures: str
    """A file or folder."""
    sha256: str
    """Of the file; decides when to run again."""


class TrainSettings(Slice):
    """How the generator of an arm is trained."""

    seed: int
    training_steps: int | None
    """None is the generator's own number."""


class ProposeSettings(Slice):
    """Which space groups and Wyckoff positions are proposed, and for what."""

    compositions: Listed[dict[str, int]]
    """Atoms of each element, for every composition."""
    seed: int
    generator: str
    proposals: int
    space_groups: Listed[int] | None
    references: Listed[str]
    """Names of the sources; they decide when to run again."""


class HullSettings(Slice):
    """Elements of the chemical system, and the estimators beside the judge."""

    elements: Listed[str]
    others: Listed[str] = ()
