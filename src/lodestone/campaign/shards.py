"""Shards: the portions in which the structures of an arm are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lodestone.campaign.arms import Arm

if TYPE_CHECKING:
    from lodestone.config.campaign import Campaign


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
