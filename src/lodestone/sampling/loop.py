"""The sampling loop: predictor and corrector, guidance and self-recurrence, from t = 1 to 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lodestone.sampling.process import renoise
from lodestone.sampling.resume import Remembers, loop
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


class Exchange(Protocol):
    """What may exchange the structures of a batch at some levels."""

    def due(self, t: Tensor) -> bool:
        """Whether it acts at this level."""

    def __call__(self, state: State, t: Tensor, score: Score) -> tuple[State, Score]:
        """The exchanged state and its score at x_t."""


@dataclass(frozen=True)
class LoopOptions:
    """recurrence: passes R per level at t < start; algorithm: where the corrector stands.

    algorithm 2 (default) corrects at (x_t, t) before the recurrence, as upstream's sampler does;
    algorithm 1 corrects at (x_s, s) inside it, but for the last step (arXiv 2604.13354, algorithms 1
    and 2).
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
    on_level: Exchange | None = None,
    rng: np.random.Generator | None = None,
) -> State:
    """Denoise x_1 to the mean of the last step.

    `guided` is the score function of the predictor; the corrector uses the plain score. `watch`
    sees the state before every network pass; `on_level` may exchange structures at some levels, and
    judges them by the score that the corrector takes anyway.
    What the state holds fixed is put back after every transition.

    In a batch of `run_shard` the loop goes on where a killed one was (see `resume`), if all of its parts are
    functions or can tell what they remember; `rng` is a generator that they draw from, beside torch's own.
    """
    state = state.held()
    members: dict[str, object] = {"guided": guided, "watch": watch, "on_level": on_level, "rng": rng}
    if isinstance(diffusion, Remembers):
        members["diffusion"] = diffusion
    place = loop(
        "level", len(diffusion.times), members,
        about={"options": asdict(options), "atoms": state.n_atoms.tolist()}, device=state.cell.device,
    )  # fmt: skip
    first, x = place.begin(_fields(state))
    state = mean = state.with_fields(**x)
    for level, t in enumerate(diffusion.times):
        if level < first:
            continue
        place.at(level, _fields(state))
        state = watch(state, float(t))
        exchange = on_level if on_level is not None and on_level.due(t) else None
        if options.algorithm == 2 or exchange is not None:
            with torch.no_grad():
                score = diffusion.score(state, t)
            if exchange is not None:
                state, score = exchange(state, t, score)
            if options.algorithm == 2:
                state = watch(diffusion.correct(state, score, t).held(), float(t))
        repeats = options.recurrence if float(t) < options.start else 1
        for repeat in range(repeats):
            sample, mean = (x.held() for x in diffusion.predict(state, guided(state, t), t))
            if options.algorithm == 1 and level + 1 < len(diffusion.times):
                sample = _corrected(diffusion, watch(sample, float(t)), diffusion.times[level + 1])
            if repeat + 1 < repeats:
                early, late = diffusion.kernel(state, t, steps_later=1), diffusion.kernel(state, t)
                sample = watch(renoise(sample, early, late).held(), float(t))
            state = sample
    place.end(_fields(mean))
    return watch(mean, 0.0)


def _fields(state: State) -> dict[str, Tensor]:
    """What a transition changes of a state."""
    return {"frac": state.frac, "cell": state.cell, "numbers": state.numbers}


@torch.no_grad()
def _corrected(diffusion: Diffusion, state: State, t: Tensor) -> State:
    return diffusion.correct(state, diffusion.score(state, t), t).held()
