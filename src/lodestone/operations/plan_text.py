"""A plan as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lodestone.operations.forecast import SLOW_PLANNING
from lodestone.text import columns, duration

if TYPE_CHECKING:
    from lodestone.operations.arrays import Array
    from lodestone.operations.cluster import Cluster
    from lodestone.operations.plan import Plan

UNKNOWN = "unknown"
MOST_ARMS = 40  # more are added up, by kind


def plan_text(plan: Plan) -> str:
    """A plan as a table of arms, a few totals, and the arrays where it is one for a cluster."""
    facts = [
        *(_sampling(plan) if any(arm.shards for arm in plan.arms) else []),
        ("jobs", f"{sum(plan.jobs.values()):,}: " + ", ".join(f"{k} {n:,}" for k, n in plan.jobs.items())),
        ("disk", f"up to {plan.disk_bytes / 1e6:,.0f} MB (estimated)"),
    ]
    if plan.planning_seconds > SLOW_PLANNING:
        advice = "larger shards (sampling.shard) make fewer jobs"
        facts.append(
            ("snakemake plans for", f"about {duration(plan.planning_seconds)} at each start; {advice}")
        )
    head = f"{plan.campaign}: {plan.chemical_system}"
    parts = [head, _arms(plan), columns(facts, right=())]
    return "\n\n".join(parts + (_cluster(plan.cluster) if plan.cluster else []))


def _sampling(plan: Plan) -> list[tuple[str, str]]:
    return [
        ("denoising steps", "unknown (no readable checkpoint)" if plan.steps is None else f"{plan.steps:,}"),
        ("network per pass", _halves(plan)),
        (f"{plan.speed.unit if plan.speed else 'hours'} of sampling", _hours(plan)),
        *_pace(plan),
    ]


def _arms(plan: Plan) -> str:
    rows = [("arm", "shards", "structures", "passes each", "passes")]
    if len(plan.arms) <= MOST_ARMS:
        rows += [
            (a.arm, f"{a.shards:,}", f"{a.structures:,}", _number(a.passes_per_structure), _number(a.passes))
            for a in plan.arms
        ]
    else:
        rows += [_of_kind(plan, kind) for kind in dict.fromkeys(arm.kind for arm in plan.arms)]
    rows += [
        (f"pilot of {p.constraint}", "", f"up to {p.structures:,}", "", _at_most(p.passes))
        for p in plan.pilots[:MOST_ARMS]
    ]
    if left := plan.pilots[MOST_ARMS:]:
        most = f"up to {sum(p.structures for p in left):,}"
        rows.append((f"{len(left)} more pilots", "", most, "", _at_most(_total([p.passes for p in left]))))
    rows.append(("all", f"{plan.jobs.get('sample', 0):,}", f"{plan.structures:,}", "", _number(plan.passes)))
    return columns(rows, right=range(1, 5))


def _of_kind(plan: Plan, kind: str) -> tuple[str, str, str, str, str]:
    """All arms of a kind in one row."""
    arms = [arm for arm in plan.arms if arm.kind == kind]
    each = {arm.passes_per_structure for arm in arms}
    return (
        f"{kind} ({len(arms):,} arms)" if len(arms) > 1 else arms[0].arm,
        f"{sum(arm.shards for arm in arms):,}",
        f"{sum(arm.structures for arm in arms):,}",
        _number(each.pop()) if len(each) == 1 else "",
        _number(_total([arm.passes for arm in arms])),
    )


def _cluster(cluster: Cluster) -> list[str]:
    rows = [("rule", "jobs", "sbatch", "at a time", "each asks for")]
    rows += [
        (_name(a), f"{a.jobs:,}", _calls(a), f"{a.at_once:,}", a.asks or "the machine that runs Snakemake")
        for a in cluster.arrays
    ]
    until = (
        UNKNOWN if cluster.hours is None else f"{duration(3600 * cluster.hours)}, if all of them get nodes"
    )
    lines = [f"jobs on the cluster, from {cluster.profile}", columns(rows, right=(1, 2, 3))]
    lines.append(columns([("sampling is done after", until)], right=()))
    return [*lines, *(f"warning: {text}" for text in cluster.warnings)]


def _name(array: Array) -> str:
    return array.name if array.rules == (array.name,) else f"{array.name}: {', '.join(array.rules)}"


def _calls(array: Array) -> str:
    if array.here:
        return "-"
    return f"{array.calls:,}" if array.waves == 1 else f"{array.calls:,} or more"


def _halves(plan: Plan) -> str:
    halves = "both halves" if plan.evaluations_per_pass > 1 else "one half"
    return f"{plan.evaluations_per_pass} ({halves} of classifier-free guidance)"


def _hours(plan: Plan) -> str:
    if plan.speed is None:
        return (
            f"{UNKNOWN} for {_model(plan)} on {_device(plan)}: no measurement; the first finished shard will "
            "tell, or `--seconds-per-pass X` computes with a figure of yours"
        )
    if plan.hours is None:
        return f"{UNKNOWN} (the number of passes is)"
    return f"{plan.hours:,.2f} on {plan.speed.device}, one job at a time"


def _pace(plan: Plan) -> list[tuple[str, str]]:
    """Where the hours are from."""
    if plan.speed is None:
        return []
    rows = [("seconds per pass", f"{plan.speed.seconds_per_pass:.3g} ({plan.speed.source})")]
    if plan.looks_ahead and not plan.speed.measured_here:
        rows.append(("", "particles that look ahead take longer, which no pass counts"))
    if plan.searches:
        rows.append(("", f"{', '.join(plan.searches)}: what the forces of a search take is not in it"))
    return rows


def _model(plan: Plan) -> str:
    return {"embedded": "the embedded model", "published": "the published model"}.get(
        plan.model, "a model of your own"
    )


def _device(plan: Plan) -> str:
    return {"cpu": "CPUs", "gpu": "GPUs"}.get(plan.device.lower(), plan.device)


def _total(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _at_most(value: float | None) -> str:
    return UNKNOWN if value is None else f"up to {_number(value)}"
