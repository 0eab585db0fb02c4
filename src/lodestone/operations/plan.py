"""What a campaign will take before it is run: jobs, structures, passes, time and disk; and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lodestone.config.arms import Arm, arms, shards
from lodestone.config.campaign import Campaign
from lodestone.operations import forecast
from lodestone.operations.arrays import arrays
from lodestone.operations.cluster import Cluster, on_cluster, sampling_device
from lodestone.operations.forecast import SLOW_PLANNING
from lodestone.operations.profile import Profile
from lodestone.operations.speeds import CPU, Pace, Speed, model_kind, pace, speed
from lodestone.pilot.halving import schedule
from lodestone.text import columns, duration
from lodestone.workflow.cost import denoising_steps, evaluations_per_pass, passes_per_structure
from lodestone.workflow.evaluations import after_sampling, while_sampling
from lodestone.workflow.jobs import Needs
from lodestone.workflow.paths import CampaignPaths
from lodestone.workflow.sampling_settings import piloted
from lodestone.workflow.stages import jobs as every_job

if TYPE_CHECKING:
    from lodestone.operations.arrays import Array
    from lodestone.operations.cluster import Cluster

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
        *_potential(plan),
    ]


def _potential(plan: Plan) -> list[tuple[str, str]]:
    """What the potential is asked, apart from the network, and how long that takes."""
    searched = f"; and those of {', '.join(plan.searches)}" if plan.searches else ""
    rows = [("potential, in sampling", f"{_evaluations(plan.evaluations, plan.potential_hours)}{searched}")]
    rows.append(
        (
            "potential, afterwards",
            f"{_evaluations(plan.later_evaluations, plan.later_hours)}; and one per reference",
        )
    )
    if plan.pace is not None:
        rows.append(("seconds per evaluation", f"{plan.pace.seconds:.3g} ({plan.pace.source})"))
    elif plan.evaluations or plan.later_evaluations:
        rows.append(
            (
                "seconds per evaluation",
                "unknown; `--seconds-per-evaluation X` computes with a figure of yours",
            )
        )
    if plan.working is not None and plan.device.lower() != CPU:
        rows.append(("a GPU works", f"{plan.working:.0%} of its jobs' time; else it waits for the potential"))
    return rows


def _evaluations(number: float | None, hours: float | None) -> str:
    if number is None:
        return f"{UNKNOWN} evaluations"
    if number == 0:
        return "no evaluation"
    took = "" if hours is None else f", {hours:,.2f} CPU-hours"
    return f"up to {number:,.0f} evaluations{took}"


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


COPIES = 6  # a structure is in samples, relaxed and symmetrized, and three times in candidates
BYTES_PER_ATOM, BYTES_PER_COPY, BYTES_PER_STRUCTURE = 26, 72, 1500
REPORT_BYTES = 8_000_000


@dataclass(frozen=True)
class ArmCost:
    """One arm: its shards, its structures and what they cost."""

    arm: str
    kind: str
    shards: int
    structures: int
    passes_per_structure: float | None
    passes: float | None
    hours: float | None
    """Of the network."""
    evaluations: float | None
    """Of the potential, at most, while sampling."""
    potential_hours: float | None
    """Of them."""


@dataclass(frozen=True)
class PilotCost:
    """The pilot of a constraint; what it takes where no candidate is out of bounds, else less."""

    constraint: str
    rounds: int
    structures: int
    passes: float | None
    hours: float | None
    evaluations: float | None
    potential_hours: float | None


@dataclass(frozen=True)
class Plan:
    """The whole campaign."""

    campaign: str
    chemical_system: str
    model: str
    """embedded, published or own."""
    steps: int | None
    evaluations_per_pass: int
    """1, or 2 where classifier-free guidance evaluates both halves in every pass."""
    arms: tuple[ArmCost, ...]
    pilots: tuple[PilotCost, ...]
    jobs: Mapping[str, int]
    """Number of jobs by stage."""
    structures: int
    """Structures of the arms."""
    passes: float | None
    hours: float | None
    """Hours of the network on one device, one job at a time."""
    evaluations: float | None
    """Of the potential, at most, while sampling: by particles that look ahead, and by terms of energy."""
    later_evaluations: float
    """Of the potential, at most, afterwards: relaxations and energies; and one per reference comes on top."""
    pace: Pace | None
    """Seconds per evaluation."""
    potential_hours: float | None
    """CPU-hours of the evaluations while sampling, in which a job on a GPU lets it wait."""
    later_hours: float | None
    """CPU-hours of those afterwards."""
    device: str
    """cpu, gpu or the name of one."""
    speed: Speed | None
    """Where the hours are from."""
    searches: tuple[str, ...]
    """Arms that search by the forces of the estimator, which passes do not count either."""
    disk_bytes: int
    """Upper estimate of everything below results/<campaign>."""
    cluster: Cluster | None = None

    @property
    def working(self) -> float | None:
        """Share of its sampling jobs in which a GPU works and does not wait for the potential on CPUs."""
        if self.hours is None or self.potential_hours is None or not self.hours:
            return None
        return self.hours / (self.hours + self.potential_hours)

    @property
    def planning_seconds(self) -> float:
        """What Snakemake takes to plan all jobs."""
        return forecast.planning_seconds(sum(self.jobs.values()))

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        totals: dict[str, Any] = {
            "working": self.working,
            "jobs_total": sum(self.jobs.values()),
            "planning_seconds": self.planning_seconds,
        }
        return asdict(self) | totals


def plan(
    campaign: Campaign,
    paths: CampaignPaths,
    *,
    on: tuple[Profile, Mapping[str, Needs]] | None = None,
    device: str | None = None,
    seconds_per_pass: float | None = None,
    seconds_per_evaluation: float | None = None,
) -> Plan:
    """The plan of a campaign, and of its jobs on a cluster where there is a profile.

    Args:
        campaign: What is planned.
        paths: Where its timings are looked for.
        on: A profile of Snakemake, and what the rules ask for.
        device: What it is sampled on: cpu, gpu or a part of a GPU's name; None leaves that to the profile.
        seconds_per_pass: Of one structure, where the user knows better.
        seconds_per_evaluation: Of the potential, for one structure, where the user knows it.

    Raises:
        ProfileError: a rule would ask for what cannot be asked.
    """
    found = arrays(campaign, *on) if on else ()
    wanted = device or sampling_device(found)
    known = speed(campaign, paths.directory / "timing", device=wanted, given=seconds_per_pass)
    steps, rate = denoising_steps(campaign), known.seconds_per_pass if known else None
    took = pace(paths.directory / "timing", seconds_per_evaluation)
    each = took.seconds if took else None
    costs = tuple(_cost(campaign, arm, steps, rate, each) for arm in arms(campaign))
    pilots = tuple(pilot_cost(campaign, arm, steps, rate, each) for arm in piloted(campaign))
    structures = sum(cost.structures for cost in costs)
    later = after_sampling(campaign) * structures
    hours, pilot_hours = [_job_hours(cost) for cost in costs], [_job_hours(cost) for cost in pilots]
    return Plan(
        campaign=campaign.campaign,
        chemical_system=campaign.chemical_system,
        model=model_kind(campaign),
        steps=steps,
        evaluations_per_pass=evaluations_per_pass(campaign),
        arms=costs,
        pilots=pilots,
        jobs=dict(Counter(job.rule for job in every_job(campaign))),
        structures=structures,
        passes=_sum([*(cost.passes for cost in costs), *(cost.passes for cost in pilots)]),
        hours=_sum([*(cost.hours for cost in costs), *(cost.hours for cost in pilots)]),
        evaluations=_sum([*(cost.evaluations for cost in costs), *(cost.evaluations for cost in pilots)]),
        later_evaluations=later,
        pace=took,
        potential_hours=_sum(
            [*(cost.potential_hours for cost in costs), *(cost.potential_hours for cost in pilots)]
        ),
        later_hours=None if each is None else later * each / 3600,
        device=known.device if known else wanted or CPU,
        speed=known,
        searches=tuple(arm.name for arm in campaign.arms if arm.made and arm.sampling.uses_forces),
        disk_bytes=disk(structures + sum(p.structures for p in pilots), campaign.sampling.atoms.most),
        cluster=on_cluster(campaign, on[0], found, hours, pilot_hours) if on else None,
    )


def _job_hours(cost: ArmCost | PilotCost) -> float | None:
    """What its jobs take: the network and, where that is known, the potential."""
    return None if cost.hours is None else cost.hours + (cost.potential_hours or 0.0)


def _hours_of(number: float | None, seconds: float | None) -> float | None:
    if number == 0:
        return 0.0
    return None if number is None or seconds is None else number * seconds / 3600


def pilot_structures(campaign: Campaign) -> tuple[int, int, int]:
    """Rounds of a pilot, structures of the candidates and of the control, if no candidate is refused."""
    pilot, particles = campaign.guidance.pilot, campaign.guidance.particles
    if pilot is None:
        return 0, 0, 0
    rounds = schedule(len(pilot.candidates), pilot.structures, particles.per_lineage if particles else 1)
    return len(rounds), sum(r.candidates * r.structures for r in rounds), sum(r.structures for r in rounds)


def pilot_cost(
    campaign: Campaign, arm: Arm, steps: int | None, rate: float | None, pace: float | None
) -> PilotCost:
    """What the pilot of an arm takes at most, at so many seconds per pass and per evaluation."""
    rounds, guided, control = pilot_structures(campaign)
    passes = None
    if steps is not None:
        each = passes_per_structure(campaign, arm, steps)
        passes = guided * each + control * passes_per_structure(campaign, Arm("control", "control"), steps)
    asked = while_sampling(campaign, arm, steps)
    number = None if asked is None else guided * asked
    return PilotCost(
        str(arm.constraint), rounds, guided + control, passes, _hours_of(passes, rate),
        number, _hours_of(number, pace),
    )  # fmt: skip


def disk(structures: int, atoms: int) -> int:
    """Bytes of all tables and the report, if every cell were as large as allowed."""
    per_structure = COPIES * (BYTES_PER_ATOM * atoms + BYTES_PER_COPY) + BYTES_PER_STRUCTURE
    return REPORT_BYTES + structures * per_structure


def _cost(campaign: Campaign, arm: Arm, steps: int | None, rate: float | None, pace: float | None) -> ArmCost:
    if arm.structures is not None:  # nothing is sampled for it
        return ArmCost(arm.name, arm.kind, 0, shards(campaign, arm)[0].structures, 0.0, 0.0, 0.0, 0.0, 0.0)
    structures = campaign.sampling.structures
    per_structure = None if steps is None else passes_per_structure(campaign, arm, steps)
    passes = None if per_structure is None else per_structure * structures
    asked = while_sampling(campaign, arm, steps)
    number = None if asked is None else asked * structures
    return ArmCost(
        arm.name, arm.kind, len(shards(campaign, arm)), structures, per_structure, passes,
        _hours_of(passes, rate), number, _hours_of(number, pace),
    )  # fmt: skip


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
