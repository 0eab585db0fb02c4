"""How far a campaign is, read off its files: finished tables, and the chunks of unfinished ones."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lodestone.campaign.arms import Arm, arms
from lodestone.campaign.config import Campaign
from lodestone.campaign.paths import CampaignPaths
from lodestone.campaign.plan import pilot_structures
from lodestone.campaign.shards import Shard, shards

TABLES = {
    "measure": "measured",
    "relax": "relaxed",
    "symmetrize": "symmetrized",
    "screen": "screened",
    "deduplicate": "duplicates",
    "novelty": "novelty",
    "energy": "energy",
}
"""The table that each stage of an arm writes."""
IDLE = 10.0
"""A job that has written nothing for so many times its usual interval is not running any more."""


@dataclass(frozen=True)
class Progress:
    """A stage of an arm, or of the campaign (`arm` is then empty)."""

    arm: str
    stage: str
    done: int
    total: int
    seconds_left: float | None = None
    """At the rate of its last chunks; None where none is known."""
    running: bool = False
    """Whether its last chunk is recent."""


@dataclass(frozen=True)
class Chunks:
    """Finished chunks of a job."""

    rows: int
    rate: float | None
    """Rows per second."""
    running: bool


def status(campaign: Campaign, paths: CampaignPaths, now: float | None = None) -> list[Progress]:
    """Every stage of every arm, then the stages of the campaign; totals are structures, or 1."""
    now = time.time() if now is None else now
    found: list[Progress] = []
    for arm in arms(campaign):
        if arm.piloted and arm.kind == "guided":
            found.append(_pilot(campaign, paths, arm, now))
        found.append(_sampling(campaign, paths, arm, now))
        found += [_stage(campaign, paths, arm, stage, now) for stage in TABLES]
    once = {
        "references": paths.references,
        "reference_energy": paths.reference_energies,
        "hull": paths.hull,
        "analyse": paths.candidates,
        "record": paths.record,
        "report": paths.report,
    }
    return found + [Progress("", stage, int(path.is_file()), 1) for stage, path in once.items()]


def as_dicts(progress: Iterable[Progress]) -> list[dict[str, Any]]:
    """JSON-able rows."""
    return [asdict(row) for row in progress]


def _pilot(campaign: Campaign, paths: CampaignPaths, arm: Arm, now: float) -> Progress:
    """The pilot of an arm; it may end before its total, where candidates are out of bounds."""
    constraint, (_, guided, control) = str(arm.constraint), pilot_structures(campaign)
    total = guided + control
    if paths.pilot(constraint).is_file():
        return Progress(arm.name, "pilot", total, total)
    chunks = read_chunks(paths.state("pilot", constraint), now, whole=True)
    return _progress(arm.name, "pilot", min(chunks.rows, total), total, [chunks])


def _sampling(campaign: Campaign, paths: CampaignPaths, arm: Arm, now: float) -> Progress:
    parts = shards(campaign, arm)
    finished = [part for part in parts if paths.samples(arm.name, part.index).is_file()]
    open_parts = [part for part in parts if part not in finished]
    chunks = [read_chunks(paths.state(arm.name, part.index), now) for part in open_parts]
    done = sum(part.structures for part in finished) + sum(
        min(chunk.rows, part.structures) for chunk, part in zip(chunks, open_parts, strict=True)
    )
    return _progress(arm.name, "sample", done, _total(parts), chunks)


def _stage(campaign: Campaign, paths: CampaignPaths, arm: Arm, stage: str, now: float) -> Progress:
    total = _total(shards(campaign, arm))
    if paths.stage(arm.name, TABLES[stage]).is_file():
        return Progress(arm.name, stage, total, total)
    chunks = read_chunks(paths.state(arm.name, stage), now)
    return _progress(arm.name, stage, min(chunks.rows, total), total, [chunks])


def _progress(arm: str, stage: str, done: int, total: int, chunks: list[Chunks]) -> Progress:
    rate = sum(chunk.rate for chunk in chunks if chunk.running and chunk.rate)
    left = (total - done) / rate if rate and done < total else None
    return Progress(arm, stage, done, total, left, running=any(chunk.running for chunk in chunks))


def read_chunks(folder: Path, now: float, *, whole: bool = False) -> Chunks:
    """Rows of the finished chunks in a state folder, and how fast the last ones came.

    A folder may hold chunks of several inputs (one subfolder each); the newest is the one at work. With
    `whole` such an input has subfolders of its own, which count together.
    """
    groups: dict[Path, list[tuple[float, int]]] = {}
    for path in folder.rglob("*.parquet"):
        if not path.name.startswith(".") and (rows := _rows(path)) is not None:
            group = Path(path.relative_to(folder).parts[0]) if whole else path.parent
            groups.setdefault(group, []).append((path.stat().st_mtime, rows))
    if not groups:
        return Chunks(0, None, running=False)
    files = sorted(max(groups.values(), key=max))
    rows = sum(count for _, count in files)
    seconds = files[-1][0] - files[0][0]
    if len(files) < 2 or seconds <= 0:
        return Chunks(rows, None, running=False)
    interval = seconds / (len(files) - 1)
    rate = sum(count for _, count in files[1:]) / seconds
    return Chunks(rows, rate, running=now - files[-1][0] < IDLE * interval)


def _rows(path: Path) -> int | None:
    """Rows of a Parquet file; None where it is gone meanwhile or cannot be read."""
    import polars as pl

    try:
        return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
    except (OSError, pl.exceptions.PolarsError):
        return None


def _total(parts: list[Shard]) -> int:
    return sum(part.structures for part in parts)
