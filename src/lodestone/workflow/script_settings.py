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


Keys = dict[str, Any]
"""Keys that the library's own code reads, as the campaign gives them: not a byte of them may change."""


class SampleSettings(Slice):
    """How a shard of an arm is drawn.

    What is inside the keys stays as the rule passes it: its hash names the folder of unfinished batches, and
    a shard that was begun by an earlier version is gone on with.
    """

    campaign: str
    chemical_system: str
    model: Keys
    sampling: Keys
    arm: Keys
    shard: Keys
    constraint: Keys | None
    guidance: Keys | None
    loop: Keys
    particles: Keys | None
    assets: dict[str, str]
    """SHA-256 of the checkpoint's files; they decide when to run again."""
    mask_added: bool = False
    """Whether the checkpoint leaves the exclusion of elements to the generator."""
    masked: bool = False
    """Whether a mask, and no condition, keeps the types inside the chemical system."""
    potentials: Keys = Field(default_factory=dict)
    """Where a term of the constraint needs a hull."""
    look_ahead: Keys = Field(default_factory=dict)
    """Where particles look ahead: the estimator."""
    sampler: Keys = Field(default_factory=dict)
    """Where the arm names one."""
    search: Keys = Field(default_factory=dict)
    """Where that one searches by forces: the estimator."""


class PilotSettings(Slice):
    """How the pilot of a constraint samples and judges its candidates."""

    constraint: str
    seed: int
    auto: Keys
    """The section `guidance.pilot`."""
    lineage: int
    guided: Keys
    """The settings of `sample` of a candidate, and of the control."""
    control: Keys
    constraints: dict[str, Keys]
    energy: Keys
    screen: Keys
    assets: dict[str, str]


class AnalyseSettings(Slice):
    """The plan of a campaign, by which its tables are judged."""

    campaign: str
    chemical_system: str
    seed: int
    arms: Listed[Keys]
    passes: dict[str, float | None]
    """Network passes per structure of each arm that is drawn."""
    constraints: dict[str, Keys]
    deduplicate: Keys
    hull: Keys
    statistics: Keys
    report: Keys
    potentials: Keys = Field(default_factory=dict)
    """Where a term needs a hull."""


class WholeSettings(Slice):
    """The whole campaign with every default filled in, and its arms."""

    campaign: str
    chemical_system: str
    model: Keys
    sampling: Keys
    constraints: dict[str, Keys]
    guidance: Keys
    references: Listed[str | Keys]
    symmetrize: Keys
    screen: Keys
    deduplicate: Keys
    novelty: Keys
    energy: Keys
    hull: Keys
    statistics: Keys
    report: Keys
    arms: Listed[Keys]
