"""Campaign, plan and status as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lodestone.campaign.arms import arms
from lodestone.campaign.shards import shards

if TYPE_CHECKING:
    from lodestone.campaign.config import Campaign
    from lodestone.campaign.paths import CampaignPaths
    from lodestone.campaign.plan import Plan
    from lodestone.campaign.status import Progress

UNKNOWN = "unknown"


def summary(campaign: Campaign) -> str:
    """A campaign in a few lines: what is asked, of what, how much."""
    every = arms(campaign)
    jobs = sum(len(shards(campaign, arm)) for arm in every)
    each = campaign.sampling.structures
    rows = [
        (
            "campaign",
            f"{campaign.campaign}: {campaign.chemical_system}, checkpoint {campaign.model.checkpoint}",
        ),
        *(
            (name, " and ".join(term.describe() for term in c.terms) + f", within {c.satisfied_within:g}")
            for name, c in campaign.constraints.items()
        ),
        (
            "arms",
            f"{len(every)} × {each} structures in {jobs} shards: {', '.join(arm.name for arm in every)}",
        ),
        ("judged by", f"{_estimator(campaign)} against {', '.join(campaign.references)}"),
    ]
    return columns(rows, right=())


def plan_text(plan: Plan) -> str:
    """A plan as a table of arms and a few totals."""
    rows = [("arm", "shards", "structures", "passes each", "passes")]
    rows += [
        (a.arm, str(a.shards), f"{a.structures:,}", _number(a.passes_per_structure), _number(a.passes))
        for a in plan.arms
    ]
    rows += [
        (f"pilot of {p.constraint}", "", f"up to {p.structures:,}", "", _at_most(p.passes))
        for p in plan.pilots
    ]
    rows.append(("all", str(plan.jobs["sample"]), f"{plan.structures:,}", "", _number(plan.passes)))
    halves = "both halves" if plan.evaluations_per_pass > 1 else "one half"
    facts = [
        ("denoising steps", "unknown (no readable checkpoint)" if plan.steps is None else f"{plan.steps:,}"),
        ("network per pass", f"{plan.evaluations_per_pass} ({halves} of classifier-free guidance)"),
        ("hours of sampling", _hours(plan)),
        ("jobs", f"{sum(plan.jobs.values())}: " + ", ".join(f"{k} {n}" for k, n in plan.jobs.items())),
        ("disk", f"up to {plan.disk_bytes / 1e6:,.0f} MB (estimated)"),
    ]
    head = f"{plan.campaign}: {plan.chemical_system}"
    return "\n\n".join([head, columns(rows, right=range(1, 5)), columns(facts, right=())])


def status_text(progress: Sequence[Progress], paths: CampaignPaths) -> str:
    """One line per arm and stage that is begun or done, and what is left."""
    rows = [("arm", "stage", "done", "of", "", "left")]
    for row in progress:
        state = (
            "done" if row.done >= row.total else "running" if row.running else "stopped" if row.done else "-"
        )
        left = "" if row.seconds_left is None else duration(row.seconds_left)
        rows.append((row.arm or "campaign", row.stage, f"{row.done:,}", f"{row.total:,}", state, left))
    finished = sum(row.done >= row.total for row in progress)
    head = f"{paths.directory}: {finished} of {len(progress)} stages done"
    return f"{head}\n\n{columns(rows, right=(2, 3, 5))}"


def columns(rows: Sequence[Sequence[str]], *, right: Iterable[int]) -> str:
    """Rows of cells as aligned columns, some of them to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    numbers = set(right)
    lines = (
        "  ".join(
            c.rjust(w) if i in numbers else c.ljust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _estimator(campaign: Campaign) -> str:
    estimator = campaign.energy.estimator.model_dump()
    kind = estimator.pop("kind")
    return f"{kind} {next(iter(estimator.values()))}"


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _at_most(value: float | None) -> str:
    return UNKNOWN if value is None else f"up to {_number(value)}"


def _hours(plan: Plan) -> str:
    if plan.hours is None:
        return f"{UNKNOWN} (no timing recorded)"
    return f"{plan.hours:,.2f} on {plan.device}, one job at a time"
