"""What an arm costs, in passes of the network (lodestone.sampling.passes)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from lodestone.config.arms import Arm
from lodestone.config.campaign import Campaign
from lodestone.embedded import FOLDER as EMBEDDED
from lodestone.sampling.mattergen.published import STEPS
from lodestone.sampling.passes import passes
from lodestone.workflow.sampling_settings import conditioned, sampler_section, steering


def passes_per_structure(campaign: Campaign, arm: Arm, steps: int) -> float:
    """Network passes that one structure of an arm takes at this number of denoising steps."""
    if arm.sampler is not None and not sampler_section(campaign, arm).uses_network:
        return 0.0
    # an arm with a factor of its own may need both halves where the others need one, or the reverse
    share = _halves(conditioned(campaign, arm)[1]) / evaluations_per_pass(campaign)
    return share * passes(steering(campaign, arm), steps)


def evaluations_per_pass(campaign: Campaign) -> int:
    """1 where classifier-free guidance needs one half only, else 2."""
    return _halves(campaign.model.guidance_factor)


def _halves(factor: float) -> int:
    return 1 if factor in {0.0, 1.0} else 2


def denoising_steps(campaign: Campaign) -> int | None:
    """Steps as configured, or as the checkpoint was trained; None where that cannot be read."""
    if campaign.sampling.steps is not None:
        return campaign.sampling.steps
    if campaign.model.checkpoint == "embedded":
        return _trained_steps(EMBEDDED / "mattergen" / "config.yaml")
    folder = Path(campaign.model.checkpoint)
    return _trained_steps(folder / "config.yaml") if folder.is_dir() else STEPS


@lru_cache(maxsize=8)
def _trained_steps(path: Path) -> int | None:
    import yaml

    keys = ("diffusion_module", "corruption", "discrete_corruptions", "atomic_numbers", "d3pm", "schedule")
    try:
        value: Any = yaml.safe_load(path.read_text(encoding="utf-8"))["lightning_module"]
        for key in (*keys, "num_steps"):
            value = value[key]
        return int(value)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError):
        return None
