"""Adam on plain arrays, with a schedule, a running average, and a state that survives a kill.

Adam: Kingma and Ba (2015). Gradients are clipped by their common norm.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lodestone.runtime.files import write_atomically

BETAS, EPSILON = (0.9, 0.995), 1e-8


@dataclass(frozen=True)
class Schedule:
    """First and last learning rate, largest norm of the gradients, memory of the average."""

    first: float = 6e-3
    last: float = 5e-5
    clip: float = 10.0
    average: float = 0.998


@dataclass
class State:
    """Everything that the fit carries from one epoch to the next."""

    arrays: dict[str, list[np.ndarray]]
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0


def learning_rate(progress: float, schedule: Schedule) -> float:
    """Learning rate: a short linear rise, then half a cosine."""
    rise = min(1.0, (progress + 1e-3) / 0.02)
    low, high = schedule.last, schedule.first
    return rise * (low + (high - low) * 0.5 * (1 + np.cos(np.pi * min(progress, 1.0))))


def adam(gradients: list[np.ndarray], rate: float, schedule: Schedule, state: State) -> None:
    """One Adam step on `state.arrays`, and one step of the running average of the weights."""
    state.step += 1
    norm = np.sqrt(sum(float((g.astype(float) ** 2).sum()) for g in gradients))
    factor = min(1.0, schedule.clip / norm) if np.isfinite(norm) else 0.0
    decay = min(schedule.average, (1 + state.step) / (10 + state.step))
    first, second = BETAS
    for i, raw in enumerate(gradients):
        gradient = np.nan_to_num(raw) * factor
        m, v = state.arrays["first"], state.arrays["second"]
        m[i] = first * m[i] + (1 - first) * gradient
        v[i] = second * v[i] + (1 - second) * gradient**2
        step = (m[i] / (1 - first**state.step)) / (np.sqrt(v[i] / (1 - second**state.step)) + EPSILON)
        weights, average = state.arrays["weights"], state.arrays["average"]
        weights[i] = (weights[i] - rate * step).astype(np.float32)
        average[i] = (decay * average[i] + (1 - decay) * weights[i]).astype(np.float32)


def resume(path: Path, variables: list[Any]) -> State:
    """The state in a file, put into the variables; or, where there is no file, the first state."""
    weights = [v.numpy() for v in variables]
    zeros = [np.zeros_like(w) for w in weights]
    state = State({"weights": weights, "average": list(weights), "first": zeros, "second": list(zeros)})
    if path.exists():
        with np.load(path) as stored:
            for name, arrays in state.arrays.items():
                state.arrays[name] = [stored[f"{name}{i}"] for i in range(len(arrays))]
            state.epoch, state.step = int(stored["epoch"]), int(stored["step"])
            state.seconds = float(stored["seconds"])
        for variable, value in zip(variables, state.arrays["weights"], strict=True):
            variable.assign(value)
    return state


def save(path: Path, state: State) -> None:
    """Write the state, atomically."""
    arrays = {f"{k}{i}": a for k, values in state.arrays.items() for i, a in enumerate(values)}
    clocks = {"epoch": state.epoch, "step": state.step, "seconds": state.seconds}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as stream:
            np.savez(stream, **arrays, **{k: np.asarray(v) for k, v in clocks.items()})

    write_atomically(path, write)
