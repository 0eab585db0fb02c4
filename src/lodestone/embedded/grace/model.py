"""From an architecture and plain arrays to a GRACE model of the installed package, and back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lodestone.energies.estimators.grace.tensorflow import load_tensorflow, silence
from lodestone.files import write_atomically

ELEMENTS = ("B", "Ca", "Co", "Cu", "Fe", "Li", "Nd", "O", "P", "Si")


@dataclass(frozen=True)
class Architecture:
    """What a preset of the package needs to know to build a model.

    `shifts` are energies per atom (eV) of `elements`, `scale` multiplies the network's output (eV),
    `neighbors` is the mean number of neighbours within `cutoff` (Å).
    """

    preset: str
    elements: tuple[str, ...]
    cutoff: float
    neighbors: float
    scale: float
    shifts: tuple[float, ...]
    options: dict[str, Any]


def instructions(architecture: Architecture) -> Any:
    """The package's instructions (its name for a model's graph) for an architecture."""
    load_tensorflow()
    from tensorpotential.potentials.registry import REGISTERED_PRESETS

    element_map = {symbol: i for i, symbol in enumerate(architecture.elements)}
    with silence():
        manager = REGISTERED_PRESETS[architecture.preset](
            element_map=element_map,
            rcut=architecture.cutoff,
            avg_n_neigh=architecture.neighbors,
            constant_out_scale=architecture.scale,
            atomic_shift_map=dict(enumerate(architecture.shifts)),
            **architecture.options,
        )
        return manager.get_instructions()


def parameters(model: Any) -> dict[str, np.ndarray]:
    """Trainable arrays of a model, named and numbered in the model's own order."""
    return {f"{i:03d} {v.name}": v.numpy() for i, v in enumerate(model.trainable_variables)}


def assign(model: Any, arrays: dict[str, np.ndarray]) -> None:
    """Put arrays into a built model; raises ValueError if a name or a shape does not match."""
    wanted = {f"{i:03d} {v.name}": v for i, v in enumerate(model.trainable_variables)}
    if {k: tuple(v.shape) for k, v in wanted.items()} != {k: a.shape for k, a in arrays.items()}:
        missing = sorted(set(wanted) ^ set(arrays))
        message = f"the weights do not fit this version of tensorpotential: {missing or 'shapes'}"
        raise ValueError(message)
    for name, variable in wanted.items():
        variable.assign(arrays[name])


def write_weights(path: Path, architecture: Architecture, arrays: dict[str, np.ndarray]) -> None:
    """Write architecture and float32 arrays to one compressed .npz file, atomically."""
    head = np.frombuffer(json.dumps(asdict(architecture), sort_keys=True).encode(), dtype=np.uint8)
    small = {name: array.astype(np.float32) for name, array in arrays.items()}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as stream:
            np.savez_compressed(stream, architecture=head, **small)

    write_atomically(path, write)


def read_weights(path: Path) -> tuple[Architecture, dict[str, np.ndarray]]:
    """Read what `write_weights` wrote; nothing in the file is ever executed."""
    with np.load(path, allow_pickle=False) as stored:
        head = json.loads(stored["architecture"].tobytes().decode())
        arrays = {name: stored[name] for name in stored.files if name != "architecture"}
    head["elements"], head["shifts"] = tuple(head["elements"]), tuple(head["shifts"])
    return Architecture(**head), arrays
