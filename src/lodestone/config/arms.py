"""The arms of a campaign, what is sampled and compared, and the shards in which they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lodestone.config.campaign import Campaign
    from lodestone.config.sections.extra_arm import ExtraArm

Kind = Literal["unguided", "control", "guided", "late", "imported", "drawn"]


@dataclass(frozen=True)
class Arm:
    """A way of sampling.

    unguided: the plain model. control: guidance of strength 0, the effect of recurrence alone.
    guided: towards a constraint. late: the same, at the last noise levels only. imported: not sampled here;
    an arm from elsewhere may also be called unguided, control or guided, where nothing is sampled here.
    drawn: by another sampler.
    """

    name: str
    kind: Kind
    constraint: str | None = None
    strength: float | None = 0.0
    """Å; None where a pilot chooses it."""
    structures: str | None = None
    """File or folder that the structures come from; None where they are sampled."""
    sampler: str | None = None
    """The kind of another sampler that draws it; None where the guided one does, or nothing is drawn."""

    @property
    def imported(self) -> bool:
        """Whether its structures come from elsewhere."""
        return self.structures is not None

    @property
    def guided(self) -> bool:
        """Whether the guidance of the campaign acts on it in full: gradients and particles."""
        return self.kind == "guided" or (self.kind == "drawn" and self.constraint is not None)

    @property
    def piloted(self) -> bool:
        """Whether a pilot chooses the strength."""
        return self.strength is None


def arms(campaign: Campaign) -> list[Arm]:
    """All arms, in the order of the report: those that are sampled, then those from elsewhere."""
    sampled = sampled_arms(campaign) if campaign.sampling.structures else []
    return sampled + [_extra(campaign, arm) for arm in campaign.arms]


def _extra(campaign: Campaign, arm: ExtraArm) -> Arm:
    if not arm.made:
        return Arm(arm.name, arm.role, arm.constraint, structures=arm.structures)
    strengths = campaign.guidance.fixed_strengths
    last = strengths[-1] if strengths and arm.constraint is not None else 0.0
    strength = last if arm.strength is None else arm.strength
    return Arm(arm.name, "drawn", arm.constraint, strength, sampler=arm.made)


def sampled_arms(campaign: Campaign) -> list[Arm]:
    """The arms that the model's structures make up."""
    found = [Arm("unguided", "unguided"), Arm("control", "control")]
    strengths = campaign.guidance.fixed_strengths
    for name in campaign.constraints:
        found += [Arm(f"{name}-s{strength:g}", "guided", name, strength) for strength in strengths]
        if not strengths:
            found.append(Arm(f"{name}-auto", "guided", name, None))
        if campaign.guidance.late:
            found.append(Arm(f"{name}-late", "late", name, strengths[-1] if strengths else None))
    return found


@dataclass(frozen=True)
class Shard:
    """`structures` structures of an arm, numbered from `first` within it."""

    arm: Arm
    index: int
    structures: int
    first: int = 0


def shards(campaign: Campaign, arm: Arm) -> list[Shard]:
    """The shards of an arm; with particles they hold whole lineages.

    An arm from elsewhere is one shard; its structures are counted in its files.
    """
    if arm.structures is not None:
        from lodestone.structures.files import count_entries

        return [Shard(arm, 0, count_entries(Path(arm.structures)))]
    total, size = campaign.sampling.structures, campaign.sampling.shard
    particles = campaign.guidance.particles
    if arm.guided and particles is not None:
        size = max(particles.per_lineage, size - size % particles.per_lineage)
    return [
        Shard(arm, index, min(size, total - first), first)
        for index, first in enumerate(range(0, total, size))
    ]
