"""What an arm costs, in passes of the network.

One pass is one evaluation without gradients for one structure; conditional and unconditional scores are
stacked and count as one. A plain step takes two (corrector, predictor), each repeat of it one more (or two,
where the corrector stands inside), a gradient through the network half a pass more. Weighting particles takes
one where the corrector stands inside, else none. Backward guidance costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from lodestone.campaign.arms import Arm
from lodestone.campaign.config import Campaign
from lodestone.campaign.drawing import sampler_section, steering

GRADIENT = 0.5
"""Extra cost of a pass with the gradient of its input (measured: 0.4 to 0.6)."""
PUBLISHED_STEPS = 1000
"""Steps of every checkpoint that MatterGen's authors published."""


def passes_per_structure(campaign: Campaign, arm: Arm, steps: int) -> float:
    """Network passes that one structure of an arm takes at this number of denoising steps."""
    if arm.sampler is not None and not sampler_section(campaign, arm).uses_network:
        return 0.0
    return passes(steering(campaign, arm), steps)


def passes(parts: Mapping[str, Any], steps: int) -> float:
    """The same from `loop`, `guidance` and `particles` of the settings of `sample`."""
    loop, guidance, particles = parts["loop"], parts["guidance"], parts["particles"]
    before = loop["algorithm"] == 2  # where the corrector stands
    total = 0.0
    for level, t in enumerate(times(steps)):
        repeats = loop["recurrence"] if t < loop["start"] else 1
        # inside the recurrence it corrects what the predictor made, but not the sample itself
        total += repeats + (1 if before else repeats * (level + 1 < steps))
        if guidance and guidance["forward"] > 0 and _guides(guidance, t, level):
            total += GRADIENT * repeats
    if not particles:
        return total
    # the pass of the corrector serves the weights too, where it stands before the predictor
    total += len(particles["times"]) * (not before)
    return total * (particles["count"] if particles["return"] == "one_per_lineage" else 1)


def times(steps: int) -> list[float]:
    """Diffusion times of the steps, from 1 to 1/steps."""
    return [1 - k / steps for k in range(steps)]


def evaluations_per_pass(campaign: Campaign) -> int:
    """1 where classifier-free guidance needs one half only, else 2."""
    return 1 if campaign.model.guidance_factor in {0.0, 1.0} else 2


def denoising_steps(campaign: Campaign) -> int | None:
    """Steps as configured, or as the checkpoint was trained; None where that cannot be read."""
    if campaign.sampling.steps is not None:
        return campaign.sampling.steps
    if campaign.model.checkpoint == "embedded":
        return _trained_steps(Path(__file__).parents[1] / "embedded" / "mattergen" / "config.yaml")
    folder = Path(campaign.model.checkpoint)
    return _trained_steps(folder / "config.yaml") if folder.is_dir() else PUBLISHED_STEPS


def _guides(guidance: Mapping[str, Any], t: float, level: int) -> bool:
    return bool(guidance["stop"] <= t < guidance["start"] and level % guidance["period"] == 0)


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
