"""What a structure costs, in passes of the network.

One pass is one evaluation without gradients for one structure; conditional and unconditional scores are
stacked and count as one. A plain step takes two (corrector, predictor), each repeat of it one more (or two,
where the corrector stands inside), a gradient through the network half a pass more. Weighting particles takes
one where the corrector stands inside, else none. Backward guidance costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GRADIENT = 0.5
"""Extra cost of a pass with the gradient of its input (measured: 0.4 to 0.6)."""


def passes(parts: Mapping[str, Any], steps: int) -> float:
    """Network passes of a structure, from `loop`, `guidance` and `particles` of the settings of `sample`."""
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


def guided_passes(parts: Mapping[str, Any], steps: int) -> int:
    """Passes of a structure, or of a particle of it, at which guidance takes the gradient of the loss."""
    loop, guidance = parts["loop"], parts["guidance"]
    return sum(
        loop["recurrence"] if t < loop["start"] else 1
        for level, t in enumerate(times(steps))
        if guidance and _guides(guidance, t, level)
    )


def times(steps: int) -> list[float]:
    """Diffusion times of the steps, from 1 to 1/steps."""
    return [1 - k / steps for k in range(steps)]


def _guides(guidance: Mapping[str, Any], t: float, level: int) -> bool:
    return bool(guidance["stop"] <= t < guidance["start"] and level % guidance["period"] == 0)
