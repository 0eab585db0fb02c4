"""What a campaign will take before it is run: jobs, structures, network passes, time and disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lodestone.campaign.arms import Arm, arms
from lodestone.campaign.config import Campaign
from lodestone.campaign.cost import denoising_steps, evaluations_per_pass, passes_per_structure
from lodestone.campaign.paths import CampaignPaths
from lodestone.campaign.shards import shards
from lodestone.campaign.timing import Rate, read_rate
from lodestone.pilot.halving import schedule

PER_ARM = ("measure", "relax", "symmetrize", "screen", "deduplicate", "novelty", "energy")
ONCE = ("references", "reference_energy", "hull", "analyse", "record", "report")
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


@dataclass(frozen=True)
class PilotCost:
    """The pilot of a constraint; what it takes where no candidate is out of bounds, else less."""

    constraint: str
    rounds: int
    structures: int
    passes: float | None
    hours: float | None


@dataclass(frozen=True)
class Plan:
    """The whole campaign."""

    campaign: str
    chemical_system: str
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
    """Hours of sampling on `device`, from recorded timings."""
    device: str | None
    disk_bytes: int
    """Upper estimate of everything below results/<campaign>."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self) | {"jobs_total": sum(self.jobs.values())}


def plan(campaign: Campaign, paths: CampaignPaths) -> Plan:
    """The plan of a campaign; hours are known where shards of it have been timed."""
    steps, rate = denoising_steps(campaign), read_rate(paths.directory / "timing")
    costs = tuple(_cost(campaign, arm, steps, rate) for arm in arms(campaign))
    pilots = tuple(pilot_cost(campaign, arm, steps, rate) for arm in piloted(campaign))
    once = dict.fromkeys(ONCE, 1)
    per_arm = dict.fromkeys(PER_ARM, len(costs))
    structures = sum(cost.structures for cost in costs)
    return Plan(
        campaign=campaign.campaign,
        chemical_system=campaign.chemical_system,
        steps=steps,
        evaluations_per_pass=evaluations_per_pass(campaign),
        arms=costs,
        pilots=pilots,
        jobs=({"pilot": len(pilots)} if pilots else {})
        | {"sample": sum(cost.shards for cost in costs)}
        | per_arm
        | once,
        structures=structures,
        passes=_sum([*(cost.passes for cost in costs), *(cost.passes for cost in pilots)]),
        hours=_sum([*(cost.hours for cost in costs), *(cost.hours for cost in pilots)]),
        device=rate.device if rate else None,
        disk_bytes=disk(structures + sum(p.structures for p in pilots), campaign.sampling.atoms.most),
    )


def piloted(campaign: Campaign) -> list[Arm]:
    """The guided arms whose strength a pilot chooses, one per constraint."""
    return [arm for arm in arms(campaign) if arm.kind == "guided" and arm.piloted]


def pilot_structures(campaign: Campaign) -> tuple[int, int, int]:
    """Rounds of a pilot, structures of the candidates and of the control, if no candidate is refused."""
    pilot, particles = campaign.guidance.pilot, campaign.guidance.particles
    if pilot is None:
        return 0, 0, 0
    rounds = schedule(len(pilot.candidates), pilot.structures, particles.per_lineage if particles else 1)
    return len(rounds), sum(r.candidates * r.structures for r in rounds), sum(r.structures for r in rounds)


def pilot_cost(campaign: Campaign, arm: Arm, steps: int | None, rate: Rate | None) -> PilotCost:
    """What the pilot of an arm takes at most."""
    rounds, guided, control = pilot_structures(campaign)
    passes = None
    if steps is not None:
        each = passes_per_structure(campaign, arm, steps)
        passes = guided * each + control * passes_per_structure(campaign, Arm("control", "control"), steps)
    hours = None if passes is None or rate is None else passes * rate.seconds_per_pass / 3600
    return PilotCost(str(arm.constraint), rounds, guided + control, passes, hours)


def disk(structures: int, atoms: int) -> int:
    """Bytes of all tables and the report, if every cell were as large as allowed."""
    per_structure = COPIES * (BYTES_PER_ATOM * atoms + BYTES_PER_COPY) + BYTES_PER_STRUCTURE
    return REPORT_BYTES + structures * per_structure


def _cost(campaign: Campaign, arm: Arm, steps: int | None, rate: Rate | None) -> ArmCost:
    structures = campaign.sampling.structures
    per_structure = None if steps is None else passes_per_structure(campaign, arm, steps)
    passes = None if per_structure is None else per_structure * structures
    hours = None if passes is None or rate is None else passes * rate.seconds_per_pass / 3600
    number = len(shards(campaign, arm))
    return ArmCost(arm.name, arm.kind, number, structures, per_structure, passes, hours)


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
