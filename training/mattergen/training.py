"""Training of the embedded MatterGen checkpoint: its training set, upstream's model, loss and corruption.

One process, one thread; resumes from its own state file after a kill.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.runtime.files import write_atomically, write_text
from lodestone.structures.table import arrays

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TrainingPlan:
    """Length and rates of a training run: cosine cycles, the later ones shorter and gentler."""

    steps: int = 12000
    restarts: tuple[int, ...] = (6000, 9000)
    restart_fraction: float = 0.4
    batch_size: int = 24
    learning_rate: float = 2e-3
    warm_up: int = 100
    final_fraction: float = 0.03
    clip: float = 0.5
    ema: float = 0.999
    seed: int = 1
    save_every: int = 200


def train(
    config: dict[str, Any], found: list[Example], plan: TrainingPlan, state: Path
) -> Iterator[tuple[int, dict[str, float]]]:
    """Train and yield (step, mean losses since the last save); the state is saved each time.

    Adam with warm-up and cosine cycles, gradients clipped by value as in the published runs, and
    an exponential moving average of the weights.
    """
    import torch

    module = build(config)
    average = copy.deepcopy(module).requires_grad_(requires_grad=False)
    optimizer = torch.optim.Adam(module.parameters(), lr=plan.learning_rate)
    done = _resume(state, module, average, optimizer)
    if done == 0:
        torch.manual_seed(plan.seed)
    probabilities = draw_probabilities(found)
    losses: list[dict[str, float]] = []
    for step in range(done, plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * _rate(step, plan)
        # every step's data derive from the step, so that a resumed run draws the same examples
        rng = np.random.default_rng([plan.seed, step])
        batch = make_batch(found, probabilities, plan.batch_size, rng)
        loss, parts = module.diffusion_module.calc_loss(batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(module.parameters(), plan.clip)
        optimizer.step()
        _average(average, module, min(plan.ema, (1 + step) / (10 + step)))
        losses.append({k: float(v.detach()) for k, v in parts.items()} | {"loss": float(loss.detach())})
        if (step + 1) % plan.save_every == 0 or step + 1 == plan.steps:
            _save(state, step + 1, module, average, optimizer)
            yield step + 1, {k: float(np.mean([x[k] for x in losses])) for k in losses[0]}
            losses = []


def build(config: dict[str, Any]) -> Any:
    """The lightning module that a checkpoint configuration describes, with random weights."""
    from lodestone.sampling.mattergen import compat

    compat.install()
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    return instantiate(OmegaConf.create(config["lightning_module"]))


def make_batch(found: list[Example], probabilities: np.ndarray, size: int, rng: np.random.Generator) -> Any:
    """A collated batch of randomly shifted training crystals."""
    import torch
    from mattergen.common.data.chemgraph import ChemGraph
    from mattergen.common.data.collate import collate

    graphs = []
    for index in rng.choice(len(found), size=size, p=probabilities):
        example = found[index]
        frac = (example.frac + rng.random(3)) % 1.0
        graphs.append(
            ChemGraph(
                atomic_numbers=torch.as_tensor(example.numbers, dtype=torch.long),
                pos=torch.as_tensor(frac, dtype=torch.float32),
                cell=torch.as_tensor(example.cell, dtype=torch.float32)[None],
                num_atoms=torch.tensor([len(example.numbers)]),
                chemical_system=example.chemical_system,
            )
        )
    return collate(graphs)


def export(state: Path, config: dict[str, Any], folder: Path) -> None:
    """Write the averaged weights as a MatterGen checkpoint folder."""
    import torch
    import yaml

    saved = torch.load(state, weights_only=True)
    write_text(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False))
    write_atomically(
        folder / "checkpoints" / "last.ckpt",
        lambda path: torch.save({"state_dict": saved["average"], "config": config}, path),
    )


def atom_counts(found: list[Example]) -> dict[str, dict[int, int]]:
    """How many training structures have how many atoms: of all, and by chemical system."""
    systems = sorted({e.chemical_system for e in found})
    counts = {"all": Counter(len(e.numbers) for e in found)}
    counts |= {s: Counter(len(e.numbers) for e in found if e.chemical_system == s) for s in systems}
    return {name: dict(sorted(counter.items())) for name, counter in counts.items()}


def _rate(step: int, plan: TrainingPlan) -> float:
    """Learning rate at a step as a fraction of the highest."""
    if step < plan.warm_up:
        return (step + 1) / plan.warm_up
    edges = [plan.warm_up, *plan.restarts, plan.steps]
    begin, end = next((a, b) for a, b in pairwise(edges) if a <= step < b)
    top = 1.0 if begin == plan.warm_up else plan.restart_fraction
    cosine = 0.5 * (1 + math.cos(math.pi * (step - begin) / max(1, end - begin)))
    return top * (plan.final_fraction + (1 - plan.final_fraction) * cosine)


def _average(average: Any, module: Any, decay: float) -> None:
    import torch

    with torch.no_grad():
        for slow, fast in zip(average.parameters(), module.parameters(), strict=True):
            slow.lerp_(fast, 1 - decay)


def _save(state: Path, step: int, module: Any, average: Any, optimizer: Any) -> None:
    import torch

    content = {
        "step": step,
        "module": module.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "rng": torch.get_rng_state(),
    }
    write_atomically(state, lambda path: torch.save(content, path))


def _resume(state: Path, module: Any, average: Any, optimizer: torch.optim.Optimizer) -> int:
    import torch

    if not state.exists():
        return 0
    saved = torch.load(state, weights_only=True)
    module.load_state_dict(saved["module"])
    average.load_state_dict(saved["average"])
    optimizer.load_state_dict(saved["optimizer"])
    torch.set_rng_state(saved["rng"])
    return int(saved["step"])


LONGEST_EDGE, MOST_ANISOTROPIC = 10.0, 2.5  # Å; ratio of singular values: what the prior can hold
LARGEST_FORCE = 1.0  # eV/Å


@dataclass(frozen=True)
class Example:
    """One crystal: symmetric cell (3, 3) in Å, frac (n_atoms, 3), numbers, chemical system."""

    family: str
    chemical_system: str
    numbers: np.ndarray
    cell: np.ndarray
    frac: np.ndarray


def examples(references: pl.DataFrame) -> list[Example]:
    """Training examples: Niggli-reduced, symmetric cells, not too long, relaxed well enough."""
    from ase.data import chemical_symbols
    from pymatgen.core import Lattice, Structure

    found = []
    usable = references.filter(pl.col("failure").is_null() & (pl.col("largest_force") < LARGEST_FORCE))
    for row in usable.iter_rows(named=True):
        numbers, cell, frac = arrays(row)
        reduced = Structure(Lattice(cell), numbers, frac).get_reduced_structure("niggli")
        matrix = symmetric(reduced.lattice.matrix)
        values = np.linalg.svd(matrix, compute_uv=False)
        edge = max(np.linalg.norm(matrix, axis=1))
        if values[0] / values[-1] > MOST_ANISOTROPIC or edge > LONGEST_EDGE:
            continue
        numbers = np.array([site.specie.Z for site in reduced])
        system = "-".join(sorted({chemical_symbols[z] for z in numbers}))
        found.append(Example(row["id"].split("/")[0], system, numbers, matrix, reduced.frac_coords % 1.0))
    return found


def symmetric(cell: np.ndarray) -> np.ndarray:
    """The symmetric positive-definite cell with the same metric L Lᵀ (polar decomposition)."""
    left, values, _ = np.linalg.svd(cell)
    return (left * values) @ left.T


def moments(found: list[Example]) -> tuple[np.ndarray, np.ndarray]:
    """Element-wise mean and standard deviation of cell / n^(1/3), (3, 3) each, in Å."""
    scaled = np.array([e.cell / len(e.numbers) ** (1 / 3) for e in found])
    return scaled.mean(axis=0), scaled.std(axis=0)


def draw_probabilities(found: list[Example]) -> np.ndarray:
    """How often each example is drawn: families equally, complete systems half of each family."""
    families = sorted({e.family for e in found})
    p = np.zeros(len(found))
    for family in families:
        members = [i for i, e in enumerate(found) if e.family == family]
        whole = "-".join(sorted(family.split("-")))
        full = [i for i in members if found[i].chemical_system == whole]
        parts = [i for i in members if found[i].chemical_system != whole]
        share = 1.0 if not parts else 0.6
        p[full] += share / len(full)
        if parts:
            p[parts] += (1 - share) / len(parts)
    return p / p.sum()
