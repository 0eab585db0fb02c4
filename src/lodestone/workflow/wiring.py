"""What the Snakemake files ask of the library: the campaign, its wiring, and that it runs only once."""

from __future__ import annotations

import argparse
import ast
import fcntl
import json
import os
import re
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from lodestone.config import Campaign, ConfigError, arms, load_campaign, shards
from lodestone.config.arms import Arm
from lodestone.workflow import potentials
from lodestone.workflow.code import meaning
from lodestone.workflow.other_estimators import Several
from lodestone.workflow.paths import CampaignPaths
from lodestone.workflow.sampling_settings import learns, proposed
from lodestone.workflow.stages import code, settings, stage_named

ANY_ARM = r"[A-Za-z0-9_.+-]+"
_HELD: list[TextIO] = []  # the locks of this process; closing one would free it
EXAMPLE = "snakemake --configfile config/demo.yaml --profile profiles/local"


@dataclass(frozen=True)
class Wiring:
    """One campaign as the rules see it: names of arms and shards, and what each rule depends on."""

    campaign: Campaign
    scripts: Path | None = None
    """Folder of the scripts."""

    @cached_property
    def paths(self) -> CampaignPaths:
        """Where every file of the campaign lies."""
        return CampaignPaths(campaign=self.campaign.campaign)

    @cached_property
    def arms(self) -> dict[str, Arm]:
        """Arms by name, in the order of the report."""
        return {arm.name: arm for arm in arms(self.campaign)}

    def _arm(self, name: str) -> Arm:
        return arm_named(name, self.arms, self.campaign)

    def samples_of(self, wildcards: Any) -> list[Path]:
        """The tables of all shards of the arm named by `wildcards`."""
        arm = self._arm(wildcards.arm)
        if arm.imported:  # one shard; nobody needs its structures counted here
            return [self.paths.samples(arm.name, 0)]
        return [self.paths.samples(arm.name, shard.index) for shard in shards(self.campaign, arm)]

    @property
    def imported_arms(self) -> str:
        """Pattern of the names of arms whose structures come from elsewhere; none where there is none."""
        names = [re.escape(arm.name) for arm in self.arms.values() if arm.imported]
        return "|".join(names) if names else "(?!)"

    @property
    def sampled_arms(self) -> str:
        """Pattern of the names of all other arms: a few are excluded, for thousands would cost seconds."""
        return ANY_ARM if self.imported_arms == "(?!)" else f"(?!(?:{self.imported_arms})/){ANY_ARM}"

    def pilot_of(self, wildcards: Any) -> list[Path]:
        """The document of the pilot that chooses the arm's strength; nothing where that is given."""
        arm = self._arm(wildcards.arm)
        return [self.paths.pilot(str(arm.constraint))] if arm.piloted else []

    def proposals_of(self, wildcards: Any) -> list[Path]:
        """The proposals that the arm's sampler asks for; nothing where it asks for none."""
        arm = self._arm(wildcards.arm)
        return [self.paths.proposals(arm.name)] if arm in self._proposed else []

    def generator_of(self, wildcards: Any) -> list[Path]:
        """The trained generator of the arm's proposals; nothing where they follow prototypes."""
        arm = self._arm(wildcards.arm)
        return [self.paths.generator(arm.name)] if learns(self.campaign, arm) else []

    @cached_property
    def _proposed(self) -> list[Arm]:
        return proposed(self.campaign)

    @property
    def pilots(self) -> list[Path]:
        """The documents of all pilots."""
        chosen = dict.fromkeys(str(arm.constraint) for arm in self.arms.values() if arm.piloted)
        return [self.paths.pilot(constraint) for constraint in chosen]

    def hull_of(self, wildcards: Any) -> list[Path]:
        """References and their energies, where a term that judges or guides needs a hull; else nothing.

        Sampling and pilots need what their constraint needs, and judging what any constraint needs.
        """
        arm = self._arm(str(_arm_of(wildcards)))
        sampling = hasattr(wildcards, "shard") or hasattr(wildcards, "constraint")
        own = [arm.constraint] if arm.constraint is not None else []
        return potentials.tables(self.campaign, self.paths, own if sampling else self.campaign.constraints)

    @property
    def hull_of_terms(self) -> list[Path]:
        """References and their energies, where a term of any constraint needs a hull; else nothing."""
        return potentials.tables(self.campaign, self.paths, self.campaign.constraints)

    def tables(self, *stages: str) -> list[Path]:
        """The tables of some stages, of every arm."""
        return [self.paths.stage(arm, stage) for stage in stages for arm in self.arms]

    @cached_property
    def several(self) -> Several:
        """What the estimators beside the judge add to the rules."""
        return Several(self.campaign, self.paths)

    def statistics(self, *names: str) -> list[Path]:
        """Files of the statistics folder."""
        return [self.paths.statistics / name for name in names]

    def settings(self, stage: str) -> Callable[[Any], dict[str, Any]]:
        """The params function of a rule: the slice of the campaign that its stage depends on."""
        return lambda wildcards: self._settings(
            stage,
            arm=_arm_of(wildcards),
            shard=int(wildcards.shard) if hasattr(wildcards, "shard") else None,
            estimator=getattr(wildcards, "estimator", None),
        )

    def _settings(self, stage: str, *, arm: str | None, **others: Any) -> dict[str, Any]:
        """Asked for every job: what is the same for a thousand arms is made once."""
        key = (stage, others["estimator"])
        if key in self._shared and (arm is None or arm in self.arms):
            return self._shared[key]
        found = stage_settings(self.campaign, stage, arm=arm, named=self.arms, **others)
        if not stage_named(stage).lacking:
            self._shared[key] = found
        return found

    @cached_property
    def _shared(self) -> dict[tuple[str, str | None], dict[str, Any]]:
        """Settings of stages that do not depend on the arm."""
        return {}

    def code(self, stage: str) -> str:
        """The version of the code behind a stage and of its script; comments do not count."""
        one = stage_named(stage)
        if isinstance(one.code, str) or self.scripts is None:
            return code(stage)
        script = (self.scripts / f"{one.script or stage}.py").read_text(encoding="utf-8")
        return f"{code(stage)}-{meaning(ast.parse(script))[:16]}"

    def log(self, stage: str, *wildcards: str) -> str:
        """The log file of a rule; wildcards become part of its name."""
        return str(self.paths.logs / ".".join([stage, *(f"{{{name}}}" for name in wildcards), "log"]))

    def answer(self) -> str:
        """Where the report is, the rates of success and the best candidates, as the analysis left them."""
        summary = self.paths.statistics / "summary.json"
        if not summary.exists():
            return f"results: {self.paths.directory}"
        from lodestone.statistics.console import render

        return render(json.loads(summary.read_text(encoding="utf-8")), self.paths.places)


def _arm_of(wildcards: Any) -> str | None:
    """The arm of a job; a pilot is named by its constraint."""
    if hasattr(wildcards, "constraint"):
        return f"{wildcards.constraint}-auto"
    return getattr(wildcards, "arm", None)


def stage_settings(
    campaign: Campaign,
    stage: str,
    *,
    arm: str | None,
    shard: int | None,
    estimator: str | None = None,
    named: Mapping[str, Arm] | None = None,
) -> dict[str, Any]:
    """The slice of a campaign that a stage depends on, for an arm and a shard given by name and index.

    `named` are the campaign's arms by name, where the caller has them.
    """
    if arm is None:
        return settings(stage, campaign, estimator=estimator)
    named = {candidate.name: candidate for candidate in arms(campaign)} if named is None else named
    one = arm_named(arm, named, campaign)
    if shard is None:
        return settings(stage, campaign, arm=one, estimator=estimator)
    parts = {part.index: part for part in shards(campaign, one)}
    if shard not in parts:
        raise ConfigError(f"no shard {shard} in arm {arm}; allowed: 0 to {max(parts)}")
    return settings(stage, campaign, arm=one, shard=parts[shard])


def arm_named(name: str, named: Mapping[str, Arm], campaign: Campaign) -> Arm:
    """The arm of a name; raises ConfigError, which tells the names there are (the first twenty)."""
    if name not in named:
        more = f" and {len(named) - 20} more" if len(named) > 20 else ""
        allowed = ", ".join(list(named)[:20]) + more
        raise ConfigError(f"no arm {name!r} in campaign {campaign.campaign}; allowed: {allowed}")
    return named[name]


def load(files: Sequence[Path | str], overrides: Mapping[str, Any] | None = None) -> Campaign:
    """The campaign of exactly one file; raises ConfigError."""
    if len(files) != 1:
        given = ", ".join(map(str, files)) or "none"
        raise ConfigError(f"campaign files given: {given}; allowed: exactly one, as in `{EXAMPLE}`")
    return load_campaign(_shown(Path(files[0])), overrides or {})


def wire(
    files: Sequence[Path | str],
    overrides: Mapping[str, Any] | None = None,
    scripts: Path | None = None,
) -> Wiring:
    """The wiring of a campaign file, or its faults on stderr and exit code 2."""
    try:
        return Wiring(load(files, overrides), scripts)
    except ConfigError as error:
        raise stop(error) from None


def refuse_wrong_config(arguments: Sequence[str] | None = None) -> None:
    """Stop with exit code 2 where the campaign file named on Snakemake's command line is wrong.

    Called before Snakemake reads the file itself, which it does loosely: the last of two equal keys wins,
    expressions may be evaluated, and what cannot be read is reported without file and line.
    """
    from snakemake.cli import parse_config

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", default=[])
    parser.add_argument("--config", "-C", nargs="*", default=[])
    known, _ = parser.parse_known_args(arguments)
    if known.configfile:
        wire(known.configfile, parse_config(known.config))


def stop(error: ConfigError) -> SystemExit:
    """Print the faults of a campaign file; the exception to raise, which Snakemake passes on untouched."""
    print(error, file=sys.stderr)
    return SystemExit(2)


def hold(directory: Path) -> None:
    """Take a campaign's folder for this process until it ends, however it ends.

    The kernel frees the lock of a killed process, so nothing has to be unlocked by hand before a rerun.
    Raises SystemExit where another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    stream = (directory / ".lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        stream.seek(0)
        raise SystemExit(
            f"{directory} is being written by {stream.read().strip()}; wait for it to end"
        ) from None
    stream.truncate(0)
    stream.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    stream.flush()
    _HELD.append(stream)


def _shown(path: Path) -> Path:
    """The path as a user would write it: relative to the working folder where it lies below."""
    try:
        return path.absolute().relative_to(Path.cwd())
    except ValueError:
        return path
