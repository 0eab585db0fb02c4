"""Reads the two finished campaigns that are compared, and says which constraints and arms belong together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lodestone.statistics.plan import EXTRA_KINDS
from lodestone.structures.table import read_table
from lodestone.workflow.paths import CampaignPaths

RESULTS = Path("results")
TABLES = ("cost", "attrition", "diversity")


class NoCampaignError(ValueError):
    """A folder does not hold a finished campaign; the message names it and says what to do."""


@dataclass(frozen=True)
class Side:
    """One of the two campaigns."""

    name: str
    directory: Path
    record: Mapping[str, Any]
    """Resolved settings, versions and hashes."""
    summary: Mapping[str, Any]
    candidates: pl.DataFrame
    tables: Mapping[str, pl.DataFrame]
    """Statistics: cost, attrition, diversity."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved settings."""
        found: Mapping[str, Any] = self.record.get("config", {})
        return found

    def arm(self, name: str) -> pl.DataFrame:
        """The candidates of an arm."""
        return self.candidates.filter(pl.col("arm") == name)


def read_side(given: Path) -> Side:
    """A campaign by its result folder, or by its name below results/.

    Raises:
        NoCampaignError: there is no such folder, it holds no campaign, or the campaign is not finished.
    """
    directory = _directory(given)
    paths = CampaignPaths(root=directory.parent, campaign=directory.name)
    summary = paths.statistics / "summary.json"
    needed = [paths.candidates, paths.record, summary, *_tables(paths).values()]
    missing = [path for path in needed if not path.is_file()]
    if len(missing) == len(needed) and not (directory / "arms").is_dir():
        raise NoCampaignError(
            f"{directory}: not the results of a campaign; give a folder such as results/demo, with "
            "candidates.parquet and campaign.json"
        )
    if missing:
        raise NoCampaignError(
            f"{missing[0]}: missing, so the campaign is not finished; run it again, as in "
            f"`snakemake --configfile config/{directory.name}.yaml --profile profiles/local`, which carries "
            "on where it stopped"
        )
    document = json.loads(summary.read_text(encoding="utf-8"))
    return Side(
        name=document["campaign"],
        directory=directory,
        record=json.loads(paths.record.read_text(encoding="utf-8")),
        summary=document,
        candidates=read_table(paths.candidates),
        tables={name: read_table(path) for name, path in _tables(paths).items()},
    )


def _tables(paths: CampaignPaths) -> dict[str, Path]:
    return {name: paths.statistics / f"{name}.parquet" for name in TABLES}


def _directory(given: Path) -> Path:
    for place in (given, RESULTS / given):
        if place.is_dir():
            return place.resolve() if place.name in ("", ".", "..") else place
    if given.is_file():
        raise NoCampaignError(f"{given}: is a file; give the campaign's folder, {given.parent}")
    there = sorted(p.parent.name for p in RESULTS.glob("*/campaign.json"))
    known = f"; finished campaigns below {RESULTS}: {', '.join(there)}" if there else ""
    raise NoCampaignError(
        f"{given}: no such folder, nor {RESULTS / given}; give a result folder or a campaign's name{known}"
    )


Arm = Mapping[str, Any]
"""An arm of a campaign's summary: name, kind, constraint, strength (Å), chosen_by_pilot."""


@dataclass(frozen=True)
class ArmPair:
    """An arm of A beside one of B; `label` tells what they have in common."""

    label: str
    a: Arm
    b: Arm


@dataclass(frozen=True)
class Matched:
    """What belongs together, and the names of what stands alone."""

    constraints: list[tuple[str, str]]
    only_a: list[str]
    only_b: list[str]


def matched_constraints(a: Side, b: Side) -> Matched:
    """Constraints of the same name; of the rest those with the same terms."""
    ours, theirs = _constraints(a), _constraints(b)
    pairs = [(name, name) for name in ours if name in theirs]
    left = [name for name in theirs if name not in ours]
    for name in ours:
        if name in theirs:
            continue
        same = next((other for other in left if theirs[other]["terms"] == ours[name]["terms"]), None)
        if same is not None:
            pairs.append((name, same))
            left.remove(same)
    taken = {name for name, _ in pairs}
    return Matched(pairs, [name for name in ours if name not in taken], left)


def matched_arms(
    a: Side, b: Side, constraints: tuple[str, str]
) -> tuple[list[ArmPair], list[str], list[str]]:
    """Arms that speak of a constraint by kind and strength, and those of A and of B that have no partner.

    Where the last (primary) strengths differ, both primary guided arms are a pair too.
    """
    ours, theirs = (relevant(s, c) for s, c in zip((a, b), constraints, strict=True))
    pairs, left = [], list(theirs)
    alone = []
    for arm in ours:
        partner = next((other for other in left if _key(other) == _key(arm)), None)
        if partner is None:
            alone.append(arm["name"])
        else:
            pairs.append(ArmPair(_label(arm), arm, partner))
            left.remove(partner)
    primary = [primary_arm(s, c) for s, c in zip((a, b), constraints, strict=True)]
    one, other = primary
    if one is not None and other is not None and _key(one) != _key(other):
        pairs.append(
            ArmPair(f"guided, {one['strength']:g} Å in A and {other['strength']:g} Å in B", one, other)
        )
    return pairs, alone, [arm["name"] for arm in left]


def primary_arm(side: Side, constraint: str) -> Arm | None:
    """The guided arm of a constraint's last strength."""
    guided = [a for a in side.summary["arms"] if a["kind"] == "guided" and a["constraint"] == constraint]
    return guided[-1] if guided else None


def relevant(side: Side, constraint: str) -> Sequence[Arm]:
    """The arms that speak of a constraint: without guidance, and guided by it."""
    return [a for a in side.summary["arms"] if a["constraint"] in (None, constraint)]


def _constraints(side: Side) -> dict[str, Mapping[str, Any]]:
    return dict(side.config.get("constraints", {}))


def _key(arm: Arm) -> tuple[object, ...]:
    """Kind and strength; arms from elsewhere or of another sampler go by their names."""
    name = arm["name"] if arm["kind"] in EXTRA_KINDS else None
    return arm["kind"], round(arm["strength"] or 0.0, 9), name


def _label(arm: Arm) -> str:
    if arm["kind"] in EXTRA_KINDS:
        return f"{arm['kind']}: {arm['name']}"
    return f"{arm['kind']}, {arm['strength']:g} Å" if arm["strength"] else str(arm["kind"])
