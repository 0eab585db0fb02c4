"""The stages of a campaign, each told once: what it writes, for what, after which others, by what.

Everything else follows from this list: the params of the rules, the jobs of a campaign and what they wait
for, the plan, what `lodestone status` makes of a file, and what an edit of the code makes again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

from lodestone import plugins
from lodestone.config.arms import Arm, Shard, arms, shards
from lodestone.config.campaign import Campaign
from lodestone.pilot import PILOT_VERSION
from lodestone.sampling import SAMPLE_VERSION
from lodestone.workflow import potentials, sampling_settings
from lodestone.workflow import settings as slices
from lodestone.workflow.code import digest
from lodestone.workflow.paths import CampaignPaths
from lodestone.workflow.sampling_settings import Settings

PATHS = CampaignPaths(campaign=".", root=Path())
"""Where files lie below the campaign's folder."""


class Per(Enum):
    """What a stage has one job for."""

    CAMPAIGN = "campaign"
    ARM = "arm"
    SHARD = "shard"
    CONSTRAINT = "constraint"
    ESTIMATOR = "estimator"
    ARM_AND_ESTIMATOR = "arm and estimator"


@dataclass(frozen=True)
class Job:
    """One job; the fields are its wildcards."""

    rule: str
    arm: str | None = None
    shard: int | None = None
    constraint: str | None = None
    estimator: str | None = None


@dataclass(frozen=True)
class Place:
    """A job of a campaign, by what it writes."""

    stage: str
    arm: str = ""
    """Or the constraint of a pilot, or an estimator, or both; empty for a stage of the campaign."""
    shard: int | None = None


OfCampaign = Callable[[Campaign], Settings]
OfArm = Callable[[Campaign, Arm], Settings]
OfShard = Callable[[Campaign, Arm, Shard], Settings]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage, and the rule of the same name."""

    name: str
    table: Path
    """The file by which it is known, below the campaign's folder; wildcards as in its rule."""
    settings: OfCampaign | OfArm | OfShard
    """The slice of the campaign that it depends on; asked with the arm, or arm and shard, where `lacking`."""
    code: tuple[str, ...] | str
    """Files below the package that it starts from, as patterns; or a version that is raised by hand."""
    per: Per = Per.CAMPAIGN
    needs: tuple[str, ...] = ()
    """The stages that it waits for."""
    hull_of_terms: bool = False
    """Whether it waits for references and their energies where a term asks for energies above the hull."""
    of: Callable[[Campaign], list[Arm]] = arms
    """The arms that have it, where it is one per arm or shard."""
    lacking: str = ""
    """What is said where its settings, which differ from arm to arm, are asked without such an arm."""
    script: str = ""
    """Name of its script, where that is another stage's."""

    @cached_property
    def waits_for(self) -> tuple[str, ...]:
        """Every stage that it may wait for."""
        return (*self.needs, *(HULL if self.hull_of_terms else ()))

    @cached_property
    def column(self) -> str:
        """The name of its table, for a stage of every arm: measured, relaxed, symmetrized, ..."""
        return self.table.stem

    def jobs(self, campaign: Campaign) -> Iterator[Job]:
        """Its jobs in a campaign."""
        if self.per is Per.CAMPAIGN:
            yield Job(self.name)
        elif self.per is Per.CONSTRAINT:
            yield from (
                Job(self.name, constraint=arm.constraint) for arm in sampling_settings.piloted(campaign)
            )
        elif self.per is Per.ESTIMATOR:
            yield from (Job(self.name, estimator=e) for e in potentials.other_estimators(campaign))
        elif self.per is Per.ARM_AND_ESTIMATOR:
            beside = [potentials.key(estimator) for estimator in potentials.others(campaign)]
            yield from (Job(self.name, arm.name, estimator=e) for e in beside for arm in self.of(campaign))
        elif self.per is Per.SHARD:
            for arm in self.of(campaign):
                yield from (Job(self.name, arm.name, part.index) for part in shards(campaign, arm))
        else:
            yield from (Job(self.name, arm.name) for arm in self.of(campaign))

    def place(self, path: str) -> Place | None:
        """The job that writes this file below the campaign's folder, if it is one of this stage's."""
        found = self._pattern.fullmatch(path)
        if found is None:
            return None
        named = found.groupdict()
        shard = named.pop("shard", None)
        return Place(self.name, " by ".join(named.values()), None if shard is None else int(shard))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        wildcards = {"arm": "[^/]+", "shard": r"\d+", "constraint": r"\w+", "estimator": ".+"}
        parts = re.split(r"\{(\w+)\}", self.table.as_posix())
        return re.compile(
            "".join(f"(?P<{p}>{wildcards[p]})" if i % 2 else re.escape(p) for i, p in enumerate(parts))
        )


HULL = ("references", "reference_energy", "term_reference_energy")
"""What a term that asks for energies above the hull needs."""
ESTIMATORS = ("energies/estimators/**/*.py",)
DESCRIPTORS = ("constraints/descriptors/*.py",)
SOURCES, PANELS = "references/sources/**/*.py", "report/**/*"
PLUGINS = {
    ESTIMATORS[0]: "estimators",
    DESCRIPTORS[0]: "descriptors",
    SOURCES: "sources",
    PANELS: "panels",
}
"""Folders of plugins, and the groups under which other packages register theirs: their code counts too."""


def _sampled(campaign: Campaign) -> list[Arm]:
    return [arm for arm in arms(campaign) if not arm.imported]


def _imported(campaign: Campaign) -> list[Arm]:
    return [arm for arm in arms(campaign) if arm.imported]


def _learning(campaign: Campaign) -> list[Arm]:
    return [arm for arm in sampling_settings.proposed(campaign) if sampling_settings.learns(campaign, arm)]


def _stage_table(name: str) -> Path:
    return PATHS.stage("{arm}", name)


STAGES: tuple[Stage, ...] = (
    Stage(
        name="references",
        table=PATHS.references,
        settings=slices.references,
        code=("references/gather.py", SOURCES),
    ),
    Stage(
        name="reference_energy",
        table=PATHS.reference_energies,
        needs=("references",),
        settings=slices.energy,
        code=("energies/stage.py", *ESTIMATORS),
    ),
    Stage(
        name="term_reference_energy",
        table=PATHS.energies_by("{estimator}"),
        per=Per.ESTIMATOR,
        needs=("references",),
        settings=slices.energy,
        code=("energies/stage.py", *ESTIMATORS),
        script="reference_energy",
    ),
    Stage(
        name="pilot",
        table=PATHS.pilot("{constraint}"),
        per=Per.CONSTRAINT,
        needs=HULL,
        settings=slices.pilot,
        code=f"pilot-{PILOT_VERSION}",
        lacking="an arm whose strength a pilot chooses",
    ),
    Stage(
        name="train_generator",
        table=PATHS.generator("{arm}"),
        per=Per.ARM,
        of=_learning,
        needs=("references",),
        settings=sampling_settings.train,
        code=("wyckoff/learned/*.py",),
        lacking="an arm whose sampler asks for proposals",
    ),
    Stage(
        name="propose",
        table=PATHS.proposals("{arm}"),
        per=Per.ARM,
        of=sampling_settings.proposed,
        needs=("references", "train_generator"),
        settings=sampling_settings.propose,
        code=("wyckoff/**/*.py",),
        lacking="an arm whose sampler asks for proposals",
    ),
    Stage(
        name="sample",
        table=PATHS.samples("{arm}", "{shard}"),
        per=Per.SHARD,
        of=_sampled,
        needs=("pilot", "propose"),
        hull_of_terms=True,
        settings=sampling_settings.sample,
        code=f"sample-{SAMPLE_VERSION}",
        lacking="an arm and a shard",
    ),
    Stage(
        name="import_structures",
        table=PATHS.samples("{arm}", 0),
        per=Per.ARM,
        of=_imported,
        settings=sampling_settings.imported,
        code=("structures/imported.py",),
        lacking="an arm whose structures are imported",
    ),
    Stage(
        name="measure",
        table=_stage_table("measured"),
        per=Per.ARM,
        needs=("sample", "import_structures"),
        hull_of_terms=True,
        settings=slices.measure,
        code=("constraints/measurement.py", *DESCRIPTORS),
    ),
    Stage(
        name="relax",
        table=_stage_table("relaxed"),
        per=Per.ARM,
        needs=("sample", "import_structures", "measure"),
        hull_of_terms=True,
        settings=slices.relax,
        code=("constraints/persistence.py", *DESCRIPTORS, *ESTIMATORS),
    ),
    Stage(
        name="symmetrize",
        table=_stage_table("symmetrized"),
        per=Per.ARM,
        needs=("sample", "import_structures"),
        settings=slices.symmetrize,
        code=("curation/symmetry.py",),
    ),
    Stage(
        name="screen",
        table=_stage_table("screened"),
        per=Per.ARM,
        needs=("symmetrize",),
        settings=slices.screen,
        code=("curation/screening.py",),
    ),
    Stage(
        name="deduplicate",
        table=_stage_table("duplicates"),
        per=Per.ARM,
        needs=("symmetrize", "screen"),
        settings=slices.deduplicate,
        code=("curation/duplicates.py", "curation/settings.py"),
    ),
    Stage(
        name="novelty",
        table=_stage_table("novelty"),
        per=Per.ARM,
        needs=("symmetrize", "deduplicate", "references"),
        settings=slices.novelty,
        code=("curation/novelty.py", "curation/settings.py"),
    ),
    Stage(
        name="energy",
        table=_stage_table("energy"),
        per=Per.ARM,
        needs=("symmetrize", "screen"),
        settings=slices.energy,
        code=("energies/stage.py", *ESTIMATORS),
    ),
    Stage(
        name="other_energy",
        table=PATHS.energy_by("{arm}", "{estimator}"),
        per=Per.ARM_AND_ESTIMATOR,
        needs=("symmetrize", "screen"),
        settings=slices.energy,
        code=("energies/stage.py", *ESTIMATORS),
        script="energy",
    ),
    Stage(
        name="hull",
        table=PATHS.hull,
        needs=("symmetrize", "energy", "other_energy", *HULL),
        settings=slices.hull,
        code=("energies/hull_stage.py",),
    ),
    Stage(
        name="analyse",
        table=PATHS.candidates,
        needs=(
            *("measure", "relax", "symmetrize", "screen", "deduplicate", "novelty", "energy"),
            *("references", "reference_energy", "term_reference_energy", "hull", "pilot"),
        ),
        settings=slices.analyse,
        code=("statistics/*.py", "handoff/*.py", "workflow/results.py", *DESCRIPTORS),
    ),
    Stage(
        name="record",
        table=PATHS.record,
        needs=("references", "analyse"),
        settings=slices.whole,
        code=("workflow/record.py",),
    ),
    Stage(
        name="report",
        table=PATHS.report,
        needs=("record", "analyse", "references", "reference_energy", "hull", "pilot"),
        settings=slices.whole,
        code=(PANELS,),
    ),
    Stage(
        name="figures",
        table=PATHS.figures("guidance"),
        needs=("record", "analyse", "references", "reference_energy", "hull", "pilot"),
        settings=slices.whole,
        code=(PANELS,),
    ),
)
"""Every stage, each after those that it waits for."""
BY_NAME = {stage.name: stage for stage in STAGES}
NEEDS = {stage.name: stage.waits_for for stage in STAGES}
"""Which rules the jobs of a rule wait for; a test compares it with Snakemake's own graph."""
OF_EVERY_ARM = tuple(stage for stage in STAGES if stage.per is Per.ARM and stage.of is arms)
"""The stages that every arm has one job of, each with a table of its own."""


def stage_named(name: str) -> Stage:
    """The stage of a name; raises ValueError, which tells the names there are."""
    if name not in BY_NAME:
        raise ValueError(f"no stage {name!r}; there are: {', '.join(BY_NAME)}")
    return BY_NAME[name]


def settings(
    stage: str,
    campaign: Campaign,
    *,
    arm: Arm | None = None,
    shard: Shard | None = None,
    estimator: str | None = None,
) -> Settings:
    """The JSON-able slice of a campaign that a stage depends on.

    `estimator` is the name of another estimator than the judge: of a term, or of `energy.estimators`.

    Raises:
        ValueError: there is no such stage, or its settings need an arm, or an arm and a shard.
    """
    one = stage_named(stage)
    if not one.lacking:
        return slices.by_estimator(one.settings(campaign), campaign, estimator)  # type: ignore[call-arg]
    if one.per is Per.SHARD:
        if arm is None or shard is None:
            raise ValueError(f"the settings of {stage} need {one.lacking}")
        return one.settings(campaign, arm, shard)  # type: ignore[call-arg]
    if arm is None or not _has(one, arm):
        raise ValueError(f"the settings of {stage} need {one.lacking}")
    return one.settings(campaign, arm)  # type: ignore[call-arg]


def _has(stage: Stage, arm: Arm) -> bool:
    """Whether an arm is one that a stage is for, as far as the arm itself tells."""
    if stage.per is Per.CONSTRAINT:
        return arm.constraint is not None and arm.piloted
    return (arm.structures is not None) if stage.of is _imported else arm.sampler is not None


def code(stage: str) -> str:
    """A hash of the source behind a stage, without comments and docstrings; a version for pilot and sample.

    Raises:
        ValueError: there is no such stage.
    """
    own = stage_named(stage).code
    if isinstance(own, str):
        return own
    elsewhere = [plugins.digest(group) for pattern, group in PLUGINS.items() if pattern in own]
    return "-".join([digest(own), *filter(None, elsewhere)])


def jobs(campaign: Campaign) -> list[Job]:
    """Every job of a campaign, in the order of the stages."""
    return [job for stage in STAGES for job in stage.jobs(campaign)]


def place(path: str) -> Place | None:
    """The job that writes a file, whose path is relative to the campaign's folder.

    None for a file that stands beside the one by which its job is known.
    """
    return next((found for stage in STAGES if (found := stage.place(path))), None)
