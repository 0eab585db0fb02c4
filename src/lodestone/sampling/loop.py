"""The sampling loop: predictor and corrector, guidance and self-recurrence, from t = 1 to 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from lodestone.sampling.process import renoise
from lodestone.sampling.state import Kernel, Score, State

ScoreFunction = Callable[[State, Tensor], Score]


class Diffusion(Protocol):
    """What the loop needs of a model."""

    times: Tensor

    def prior(self, n_atoms: list[int]) -> State:
        """Draw x_1 for structures of given sizes."""

    def score(self, state: State, t: Tensor) -> Score:
        """The score at x_t."""

    def correct(self, state: State, score: Score, t: Tensor) -> State:
        """One corrector step at (x_t, t)."""

    def predict(self, state: State, score: Score, t: Tensor) -> tuple[State, State]:
        """The sample and the mean of the step from t to the next level."""

    def kernel(self, state: State, t: Tensor, *, steps_later: int = 0) -> Kernel:
        """p(x_t | x_0) at t, or after `steps_later` predictor steps."""


@dataclass(frozen=True)
class LoopOptions:
    """recurrence: passes R per level at t < start; algorithm: where the corrector stands.

    algorithm 2 (default) corrects at (x_t, t) before the recurrence, as upstream's sampler does;
    algorithm 1 corrects at (x_s, s) inside it (arXiv 2604.13354, algorithms 1 and 2).
    """

    recurrence: int = 1
    start: float = 1.0
    algorithm: int = 2


def denoise(
    diffusion: Diffusion,
    state: State,
    guided: ScoreFunction,
    *,
    options: LoopOptions,
    watch: Callable[[State, float], State],
    on_level: Callable[[State, Tensor], State] | None = None,
) -> State:
    """Denoise x_1 to the mean of the last step.

    `guided` is the score function of the predictor; the corrector uses the plain score. `watch`
    sees the state before every network pass; `on_level` may exchange structures at each level.
    """
    mean = state
    for t in diffusion.times:
        state = watch(state, float(t))
        if on_level is not None:
            state = on_level(state, t)
        if options.algorithm == 2:
            state = watch(_corrected(diffusion, state, t), float(t))
        repeats = options.recurrence if float(t) < options.start else 1
        for repeat in range(repeats):
            sample, mean = diffusion.predict(state, guided(state, t), t)
            if options.algorithm == 1:
                sample = _corrected(diffusion, watch(sample, float(t)), t)
            if repeat + 1 < repeats:
                early, late = diffusion.kernel(state, t, steps_later=1), diffusion.kernel(state, t)
                sample = watch(renoise(sample, early, late), float(t))
            state = sample
    return watch(mean, 0.0)


@torch.no_grad()
def _corrected(diffusion: Diffusion, state: State, t: Tensor) -> State:
    return diffusion.correct(state, diffusion.score(state, t), t)
