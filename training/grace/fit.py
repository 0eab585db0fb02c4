"""The fit of the embedded GRACE model: the package's graph and losses in a loop of our own.

Adam with a cosine schedule; the exponential moving average of the weights is what is kept. The
state after every epoch is one .npz file; a killed fit continues from it and ends with the same weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.energies.estimators.grace.tensorflow import load_tensorflow, silence
from lodestone.energies.estimators.grace.weights import ELEMENTS, Architecture, instructions
from training.grace.batches import Builder, Capacity, Sample, pack, size
from training.grace.optimizer import Schedule, State, adam, learning_rate, resume, save

if TYPE_CHECKING:
    import polars as pl

SCHEDULE = Schedule()
CAPACITY = Capacity(structures=48, atoms=256, bonds=9000)


@dataclass(frozen=True)
class Fit:
    """Settings of a fit. Losses are Huber in eV/atom, eV/Å and eV/Å³ with the given weights."""

    preset: str = "GRACE_1LAYER_latest"
    options: dict[str, Any] = field(
        default_factory=lambda: {
            "lmax": 3, "n_rad_max": 16, "prod_func_n_max": 16, "max_order": 4, "n_mlp_dens": 8,
            "embedding_size": 16, "n_rad_base": 8, "cutoff_function_order": 5,
        }
    )  # fmt: skip
    cutoff: float = 5.0
    epochs: int = 36
    schedule: Schedule = SCHEDULE
    energy: tuple[float, float] = (30.0, 0.05)
    force: tuple[float, float] = (5.0, 0.5)
    stress: tuple[float, float] = (100.0, 0.05)
    capacity: Capacity = CAPACITY
    seed: int = 20260414


def architecture_for(train: pl.DataFrame, settings: Fit) -> Architecture:
    """Energy shifts by least squares over the relaxed structures, scale and mean neighbour count."""
    numbers = _counts(train)
    energies = train["energy"].to_numpy()
    relaxed = (train["kind"] == "relaxed").to_numpy()
    per_atom = numbers.sum(axis=1)
    shifts = np.linalg.lstsq(
        numbers[relaxed] / per_atom[relaxed, None],
        energies[relaxed] / per_atom[relaxed],
        rcond=None,
    )[0]
    scale = float(np.std((energies - numbers @ shifts)[relaxed] / per_atom[relaxed]))
    return Architecture(
        preset=settings.preset,
        elements=ELEMENTS,
        cutoff=settings.cutoff,
        neighbors=1.0,
        scale=round(scale, 4),
        shifts=tuple(round(float(s), 4) for s in shifts),
        options=settings.options,
    )


def fit_model(
    train: pl.DataFrame, settings: Fit, state_file: Path, say: Callable[[str], None]
) -> tuple[Architecture, dict[str, np.ndarray], dict[str, float]]:
    """Fit to a label table; returns architecture, averaged weights and what the fit cost."""
    from dataclasses import replace

    tf = load_tensorflow()
    tf.random.set_seed(settings.seed)
    architecture = architecture_for(train, settings)
    builder = Builder(architecture)
    samples = builder.samples(train)
    neighbors = np.sum([size(s)[1] for s in samples]) / np.sum([size(s)[0] for s in samples])
    architecture = replace(architecture, neighbors=round(float(neighbors), 2))
    potential = _potential(architecture, settings)
    variables = list(potential.model.trainable_variables)
    state = resume(state_file, variables)
    for epoch in range(state.epoch, settings.epochs):
        begin = time.process_time()
        loss = _epoch(potential, variables, builder, samples, settings, state)
        state.epoch, state.seconds = epoch + 1, state.seconds + time.process_time() - begin
        save(state_file, state)
        say(f"fit: epoch {epoch + 1}/{settings.epochs}, loss {loss:.4f}, {state.seconds:.0f} s")
    averaged = {
        f"{i:03d} {v.name}": a
        for i, (v, a) in enumerate(zip(variables, state.arrays["average"], strict=True))
    }
    cost = {"processor_seconds": round(state.seconds, 1), "steps": state.step}
    return architecture, averaged, cost


def _potential(architecture: Architecture, settings: Fit) -> Any:
    """The package's model with its losses, ready for gradients."""
    tf = load_tensorflow()
    from tensorpotential import LossFunction, TensorPotential
    from tensorpotential import loss as losses
    from tensorpotential.tpmodel import ComputeBatchEnergyForcesVirials

    energy, force, stress = settings.energy, settings.force, settings.stress
    loss = LossFunction(
        {
            "energy": losses.WeightedHuberEnergyPerAtomLoss(energy[0], delta=energy[1]),
            "force": losses.WeightedHuberForceLoss(force[0], delta=force[1]),
            "stress": losses.WeightedHuberStressLoss(stress[0], delta=stress[1]),
        }
    )
    with silence():
        return TensorPotential(
            potential=instructions(architecture),
            global_batch_size=1,
            loss_function=loss,
            model_train_function=ComputeBatchEnergyForcesVirials(),
            param_dtype=tf.float32,
            jit_compile=True,
            seed=settings.seed,
        )


def _epoch(
    potential: Any,
    variables: list[Any],
    builder: Builder,
    samples: list[Sample],
    settings: Fit,
    state: State,
) -> float:
    """One pass over all samples in an order of its own; returns the mean loss."""
    order = np.random.default_rng((settings.seed, state.epoch)).permutation(len(samples))
    batches = pack(samples, order, settings.capacity)
    tf = load_tensorflow()
    keys = sorted(potential.get_model_grad_signatures())
    total = settings.epochs * len(batches)
    losses = []
    for batch in batches:
        data = builder.batch([samples[i] for i in batch], settings.capacity, keys)
        loss, _, gradients, _ = potential.model_grad(data)
        rate = learning_rate(state.step / total, settings.schedule)
        adam([np.asarray(tf.convert_to_tensor(g)) for g in gradients], rate, settings.schedule, state)
        for variable, value in zip(variables, state.arrays["weights"], strict=True):
            variable.assign(value)
        losses.append(float(loss))
    return float(np.mean(losses))


def _counts(labels: pl.DataFrame) -> np.ndarray:
    """Atoms of each element of the model, (n_structures, n_elements)."""
    from ase.data import atomic_numbers

    wanted = [atomic_numbers[symbol] for symbol in ELEMENTS]
    return np.array([[row.count(z) for z in wanted] for row in labels["numbers"].to_list()], float)
