"""How far a campaign is, as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lodestone.text import columns, duration

if TYPE_CHECKING:
    from lodestone.operations.status import Failure, Progress, Status

MOST_ARMS = 30
"""With more arms, a stage is one row for all of them unless every row is asked for."""
MOST_FAILURES = 20
Cells = tuple[str, str, str, str, str, str, str]


def status_text(status: Status, *, every_arm: bool = False) -> str:
    """A row per arm and stage, or per stage where arms are many; failures and a total below."""
    stages = status.stages
    finished = sum(row.done >= row.total for row in stages)
    arms = {row.arm for row in stages if row.arm}
    summed = len(arms) > MOST_ARMS and not every_arm
    rows = [("arm", "stage", "done", "of", "", "per hour", "left")]
    rows += [_row(row) for row in (added_up(stages) if summed else stages)]
    parts = [
        f"{status.directory}: {finished} of {len(stages)} stages done",
        columns(rows, right=(2, 3, 5, 6)),
    ]
    if status.failed:
        parts.append(_failures(status.failed))
    return "\n\n".join([*parts, total_line(status)])


def total_line(status: Status) -> str:
    """The whole campaign in a sentence."""
    words = [f"{status.sampled:,} of {status.wanted:,} structures sampled"]
    if status.journal:
        jobs = status.counts
        words.append(f"{jobs['running']:,} job{'' if jobs['running'] == 1 else 's'} running")
        words += [f"{jobs['queued']:,} queued", f"{jobs['failed']:,} failed"]
    if status.seconds_left is not None:
        words.append(f"~{duration(status.seconds_left)} left")
    return ", ".join(words)


def added_up(stages: Sequence[Progress]) -> list[Progress]:
    """One row per stage for all arms."""
    kinds = dict.fromkeys((bool(row.arm), row.stage) for row in stages)
    return [
        _sum([row for row in stages if (bool(row.arm), row.stage) == (of_arm, stage)])
        for of_arm, stage in kinds
    ]


def _sum(rows: Sequence[Progress]) -> Progress:
    first = rows[0]
    if not first.arm and len(rows) == 1:
        return first
    oldest = max(
        (row for row in rows if row.since is not None), key=lambda row: row.since or 0, default=first
    )
    done, total = sum(row.done for row in rows), sum(row.total for row in rows)
    rate = sum(row.rate for row in rows if row.rate) or None
    return replace(
        first,
        arm=f"{len(rows)} arms" if first.arm else "",
        done=done,
        total=total,
        rate=rate,
        seconds_left=(total - done) / rate if rate and done < total else None,
        running=any(row.running for row in rows),
        begun=sum(row.begun for row in rows),
        jobs=sum(row.jobs for row in rows),
        jobs_done=sum(row.jobs_done for row in rows),
        jobs_running=sum(row.jobs_running for row in rows),
        jobs_queued=sum(row.jobs_queued for row in rows),
        jobs_failed=sum(row.jobs_failed for row in rows),
        since=oldest.since,
        host=oldest.host,
    )


def _row(row: Progress) -> Cells:
    rate = "" if row.rate is None else f"{3600 * row.rate:,.0f}"
    left = "" if row.seconds_left is None else duration(row.seconds_left)
    return (row.arm or "campaign", row.stage, f"{row.done:,}", f"{row.total:,}", state(row), rate, left)


def state(row: Progress) -> str:
    """What goes on with a stage, in words."""
    words = []
    if row.jobs > 1 and 0 < row.jobs_done < row.jobs:
        words.append(f"{row.jobs_done} of {row.jobs} jobs done")
    if row.jobs_running:
        words.append(_running(row))
    words += [f"{row.jobs_queued} queued"] if row.jobs_queued else []
    words += [f"{row.jobs_failed} failed"] if row.jobs_failed else []
    at_work = row.jobs_running or row.jobs_queued or row.jobs_failed
    if at_work:
        return ", ".join(words)
    if row.done >= row.total:
        return "done"
    words += ["running"] if row.running else ["stopped"] if row.begun else []
    return ", ".join(words) or "-"


def _running(row: Progress) -> str:
    """`running since 12 min on node7`, as it is on file: whether it still lives is not asked."""
    if row.since is None:
        return f"{row.jobs_running} running"
    since = f"since {duration(row.since)} on {row.host or 'a node'}"
    if row.jobs_running == 1:
        return f"running {since}" if row.jobs == 1 else f"1 running {since}"
    return f"{row.jobs_running} running, the first {since}"


def _failures(failed: Sequence[Failure]) -> str:
    rows = [("failed", "arm", "attempt", "cause", "log")]
    rows += [
        (", ".join(one.rules), one.arm or "campaign", str(one.attempt), one.cause, one.log or "-")
        for one in failed[:MOST_FAILURES]
    ]
    text = columns(rows, right=(2,))
    more = len(failed) - MOST_FAILURES
    return f"{text}\nand {more} more" if more > 0 else text
