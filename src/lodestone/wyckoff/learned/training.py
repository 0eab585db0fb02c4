"""Training of the learned generator on reference structures: maximum likelihood of their proposals.

The probabilities are those of decoding: what the masks exclude has none, so that the network learns to
choose between legal continuations only. Training resumes from a state file after a kill; the same seed gives
the same weights, resumed or not.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from lodestone.runtime.files import write_bytes
from lodestone.wyckoff.learned.network import Batch, Network, Shape
from lodestone.wyckoff.learned.sequences import batch_of, composition_of, rows_of, word_of
from lodestone.wyckoff.reading import Example, examples_of

Progress = Callable[[int, int, float], None]
"""Called with steps done, steps in all, mean loss (nats per proposal) since the last call."""


@dataclass(frozen=True)
class Plan:
    """Length and rates of a training run."""

    steps: int = 500
    seed: int = 0
    batch: int = 64
    learning_rate: float = 2e-3
    decay: float = 0.05
    warm_up: int = 50
    clip: float = 1.0
    save_every: int = 100
    hide_elements: float = 0.3
    """Share of sequences whose element vectors are hidden, so that stoichiometry alone is learned too."""
    hide_targets: float = 0.5
    smoothing: float = 0.2
    """Share of the loss that asks for all legal space groups alike: references are never all there is."""


def train(
    references: pl.DataFrame,
    state: Path,
    output: Path,
    *,
    steps: int = Plan.steps,
    seed: int = Plan.seed,
    target: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train on a structure table and write the model; goes on from `state` where that exists.

    Args:
        references: a structure table (`structures/table.py`).
        state: file of the run's state, rewritten on the way.
        output: file of the model, for `learned.load`.
        steps: gradient steps.
        seed: of weights, order and dropout.
        target: name of a column of numbers that proposals may be asked for.
        progress: told of every save.

    Returns:
        examples: how many were used; failed: id → why a reference gave none; parameters: how many; loss: mean
        since the save before the last.

    Raises:
        ValueError: no such column; no reference with a proposal; a state of another run.
    """
    examples, failed = examples_of(references, target)
    found = fit(examples, state, output, plan=Plan(steps=steps, seed=seed), target=target, progress=progress)
    return {**found, "failed": failed}


def fit(
    examples: Sequence[Example],
    state: Path,
    output: Path,
    *,
    plan: Plan,
    shape: Shape | None = None,
    target: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train on examples that were read before; see `train`."""
    if not examples:
        raise ValueError("no reference has a proposal to learn from")
    shape = shape or Shape()
    scale = _scale(examples)
    whole = _encoded(examples, scale)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        network = Network(shape)
        optimizer = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=plan.decay)
        about = {**asdict(plan), **asdict(shape), "examples": len(examples)}
        done, loss_there = _resume(state, network, optimizer, about)
        losses: list[float] = []
        network.train()
        for step in range(done, plan.steps):
            for group in optimizer.param_groups:
                group["lr"] = plan.learning_rate * _rate(step, plan)
            loss = _loss(network, _drawn(whole, step, plan), plan.smoothing)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), plan.clip)
            optimizer.step()
            losses.append(float(loss.detach()))
            if (step + 1) % plan.save_every == 0 or step + 1 == plan.steps:
                loss_there = float(np.mean(losses))
                losses = []
                _save(state, step + 1, network, optimizer, {"about": about, "loss": loss_there})
                if progress:
                    progress(step + 1, plan.steps, loss_there)
    content = {"shape": asdict(shape), "target": target, "scale": scale, "weights": network.state_dict()}
    write_bytes(output, _bytes(content))
    return {
        "examples": len(examples),
        "parameters": sum(p.numel() for p in network.parameters()),
        "loss": loss_there,
    }


def log_likelihood(network: Network, batch: Batch) -> torch.Tensor:
    """Log-probability of every whole word of a batch, (B,)."""
    groups, letters = network(batch)
    log_group, log_orbits = _parts(groups, letters, batch)
    return log_group + log_orbits


def _parts(groups: torch.Tensor, letters: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of the group and of all orbits of every word, (B,) each."""
    log_group = groups.gather(1, batch.groups[:, None])[:, 0]
    chosen = letters[:, :-1].gather(2, batch.orbits[..., None])[..., 0]
    real = batch.left[:, :-1] > 0  # something was left to place: the orbit is no padding
    return log_group, chosen.masked_fill(~real, 0.0).sum(dim=1)


def _loss(network: Network, batch: Batch, smoothing: float) -> torch.Tensor:
    """Mean −log p of the words; a share of that of the space group is asked of all legal ones alike."""
    groups, letters = network(batch)
    log_group, log_orbits = _parts(groups, letters, batch)
    alike = groups.masked_fill(~batch.legal, 0.0).sum(dim=1) / batch.legal.sum(dim=1)
    return -((1 - smoothing) * log_group + smoothing * alike + log_orbits).mean()


def _encoded(examples: Sequence[Example], scale: tuple[float, float] | None) -> Batch:
    compositions = [composition_of(e.counts) for e in examples]
    words = [word_of(e.proposal, c) for e, c in zip(examples, compositions, strict=True)]
    targets = [standardised(e.target, scale) for e in examples]
    return batch_of(compositions, words, targets)


def standardised(target: float | None, scale: tuple[float, float] | None) -> float | None:
    """A target in standard deviations from the mean of the references."""
    return None if target is None or scale is None else (target - scale[0]) / scale[1]


def _scale(examples: Sequence[Example]) -> tuple[float, float] | None:
    """Mean and standard deviation of the targets, if they vary."""
    values = [e.target for e in examples if e.target is not None]
    spread = float(np.std(values)) if values else 0.0
    return (float(np.mean(values)), spread) if spread > 0 else None


def _drawn(whole: Batch, step: int, plan: Plan) -> Batch:
    """A step's sequences; they and its dropout derive from the step, so that a resumed run draws the same."""
    rng = np.random.default_rng([plan.seed, step])
    torch.manual_seed(int(rng.integers(2**31)))
    rows = rng.choice(len(whole.groups), size=min(plan.batch, len(whole.groups)), replace=False)
    batch = rows_of(whole, torch.from_numpy(rows))
    seen = torch.from_numpy(rng.random(len(rows)) >= plan.hide_elements)
    batch.elements = batch.elements * seen[:, None, None]
    batch.targets = batch.targets * torch.from_numpy(rng.random(len(rows)) >= plan.hide_targets)[:, None]
    return batch


def _rate(step: int, plan: Plan) -> float:
    """Learning rate at a step as a fraction of the highest: warm-up, then half a cosine."""
    if step < plan.warm_up:
        return (step + 1) / plan.warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - plan.warm_up) / max(1, plan.steps - plan.warm_up)))


def _save(
    state: Path, step: int, network: Network, optimizer: torch.optim.Optimizer, more: dict[str, Any]
) -> None:
    content = {"step": step, "network": network.state_dict(), "optimizer": optimizer.state_dict(), **more}
    write_bytes(state, _bytes(content))


def _resume(
    state: Path, network: Network, optimizer: torch.optim.Optimizer, about: dict[str, Any]
) -> tuple[int, float]:
    if not state.exists():
        return 0, math.nan
    saved = torch.load(state, weights_only=True)
    differing = sorted(k for k in about if saved["about"].get(k) != about[k])
    if differing:
        raise ValueError(f"{state} holds the state of another run: {', '.join(differing)} differ; remove it")
    network.load_state_dict(saved["network"])
    optimizer.load_state_dict(saved["optimizer"])
    return int(saved["step"]), float(saved["loss"])


def _bytes(content: dict[str, Any]) -> bytes:
    """A file of torch; saved straight to a path, it would hold the path's name."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
