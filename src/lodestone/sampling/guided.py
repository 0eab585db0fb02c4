"""From a score function to a guided score function, with a schedule over time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lodestone.sampling.guidance import Strength, backward_guidance, forward_guidance
from lodestone.sampling.loop import Diffusion, ScoreFunction
from lodestone.sampling.objective import Objective
from lodestone.sampling.process import clean_estimate
from lodestone.sampling.state import Score, State


@dataclass(frozen=True)
class GuidanceOptions:
    """How an objective guides.

    backward (κ, Å) with `backward_steps`; forward (κ in noise units, 0: off); guidance acts at
    stop <= t < start on every `period`-th level. schedule: constant, or the strength rises
    ('increasing') or falls ('decreasing') linearly as t goes from start to stop.
    """

    backward: float
    backward_steps: int = 1
    forward: float = 0.0
    start: float = 0.7
    stop: float = 0.0
    schedule: str = "constant"
    period: int = 1
    normalisation: str = "gauss_newton"
    fields: tuple[str, ...] = ("positions", "cell", "types")

    def factor(self, t: float, level: int) -> float:
        """Factor on the strength at time t of the given level; 0 where guidance rests."""
        if not self.stop <= t < self.start or level % self.period:
            return 0.0
        done = (self.start - t) / (self.start - self.stop)
        return {"constant": 1.0, "increasing": done, "decreasing": 1.0 - done}[self.schedule]


def guided_score(
    diffusion: Diffusion, objective: Objective | None, options: GuidanceOptions
) -> ScoreFunction:
    """The score function of the predictor: plain where nothing guides."""

    def score(state: State, t: Tensor) -> Score:
        level = int(torch.argmin((diffusion.times - t).abs()))
        factor = options.factor(float(t), level)
        if objective is None or factor == 0 or (options.backward == 0 and options.forward == 0):
            with torch.no_grad():
                return diffusion.score(state, t)
        strength = Strength(options.backward * factor, options.normalisation, options.fields)
        return _guide(diffusion, state, t, objective, options, strength)

    return score


def _guide(
    diffusion: Diffusion,
    state: State,
    t: Tensor,
    objective: Objective,
    options: GuidanceOptions,
    strength: Strength,
) -> Score:
    kernel = diffusion.kernel(state, t)
    if options.forward == 0:
        with torch.no_grad():
            score = diffusion.score(state, t)
    else:
        leaves = (state.frac.detach().requires_grad_(), state.cell.detach().requires_grad_())
        with torch.enable_grad():
            noisy = state.with_fields(leaves[0], leaves[1], state.numbers)
            raw = diffusion.score(noisy, t)
            gap = objective.gap(clean_estimate(noisy, raw, kernel))
            ratio = strength.kappa / options.backward if options.backward else 1.0
            forward = replace(strength, kappa=options.forward * ratio)
            score = forward_guidance(state, raw, kernel, gap, leaves, forward)
        score = Score(score.frac.detach(), score.cell.detach(), score.logits.detach())
    if options.backward == 0:
        return score
    with torch.no_grad():
        clean = clean_estimate(state, score, kernel)
        return backward_guidance(state, score, kernel, clean, objective, strength, options.backward_steps)
