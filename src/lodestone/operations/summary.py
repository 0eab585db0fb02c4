"""A campaign as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lodestone.config.arms import Arm, arms, shards
from lodestone.config.sections.model import trained_of
from lodestone.sampling.mattergen.conditions import words
from lodestone.text import columns

if TYPE_CHECKING:
    from lodestone.config.campaign import Campaign


def summary(campaign: Campaign) -> str:
    """A campaign in a few lines: what is asked, of what, how much."""
    every = arms(campaign)
    rows = [
        (
            "campaign",
            f"{campaign.campaign}: {campaign.chemical_system}, checkpoint {campaign.model.checkpoint}",
        ),
        *_conditions(campaign),
        *(
            (name, " and ".join(term.describe() for term in c.terms) + f", within {c.satisfied_within:g}")
            for name, c in campaign.constraints.items()
        ),
        *_arms(campaign, [arm for arm in every if not arm.imported]),
        *(("imported", f"{arm.name}: {_counted(campaign, arm)}") for arm in every if arm.imported),
        (
            "judged by",
            f"{campaign.energy.estimator.label()} against {', '.join(s.name for s in campaign.references)}",
        ),
    ]
    return columns(rows, right=())


def _arms(campaign: Campaign, sampled: list[Arm]) -> list[tuple[str, str]]:
    jobs = sum(len(shards(campaign, arm)) for arm in sampled)
    each, names = campaign.sampling.structures, ", ".join(arm.name for arm in sampled)
    return [("arms", f"{len(sampled)} × {each} structures in {jobs} shards: {names}")] if sampled else []


def _counted(campaign: Campaign, arm: Arm) -> str:
    return f"{shards(campaign, arm)[0].structures} structures of {arm.structures}"


def _conditions(campaign: Campaign) -> list[tuple[str, str]]:
    """What the model is conditioned on, where that is more or less than the chemical system."""
    model = campaign.model
    if not campaign.sampling.structures or not (model.conditions or model.masked):
        return []
    known, system = trained_of(model.checkpoint), campaign.chemical_system
    said = words(known, system, model.conditions, model.guidance_factor, masked=model.masked)
    return [("model", said)]
