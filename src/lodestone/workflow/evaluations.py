"""How often a campaign asks the potential, counted apart from the passes of the network.

One evaluation is energy, forces and stress of one structure. All numbers are at most: a relaxation ends early
where a structure is at rest, and a structure that breaks is evaluated no more.
"""

from __future__ import annotations

from typing import Any

from lodestone.config.arms import Arm
from lodestone.config.campaign import Campaign
from lodestone.sampling.passes import guided_passes
from lodestone.workflow.sampling_settings import sampler_section, steering


def while_sampling(campaign: Campaign, arm: Arm, steps: int | None) -> float | None:
    """Evaluations per structure that sampling an arm takes at this number of denoising steps.

    Those of searches by forces are not in it. None where the number of steps is not known and a term asks
    for energies at every guided pass.
    """
    if arm.imported:
        return 0.0
    if arm.sampler is not None and sampler_section(campaign, arm).uses_forces:
        return 0.0
    if arm.constraint is None:
        return 0.0
    parts = steering(campaign, arm)
    particles, total = parts["particles"], 0.0
    if particles and particles["look_ahead"]:
        total += len(particles["times"]) * (particles["look_ahead"] + 1)
    if any(getattr(term, "needs_hull", False) for term in campaign.constraints[arm.constraint].terms):
        if steps is None:
            return None
        # a gradient per backward step, one for forward guidance, and a value for every weighting
        total += guided_passes(parts, steps) * gradients(parts["guidance"])
        total += len(particles["times"]) if particles else 0
    return total * (particles["count"] if particles and particles["return"] == "one_per_lineage" else 1)


def gradients(guidance: dict[str, Any]) -> int:
    """Gradients of the loss at a guided pass."""
    return int(guidance["backward_steps"]) + (1 if guidance["forward"] > 0 else 0)


def after_sampling(campaign: Campaign) -> float:
    """Evaluations per structure of an arm after sampling: its short relaxation, and its energy as it is."""
    return campaign.energy.relax.steps + 1 + 1.0
