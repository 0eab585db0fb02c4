"""The embedded GRACE model: from plain arrays to a model of the installed package, and back.

It is rebuilt as a SavedModel in a cache folder, once per machine.

The folder's name holds the hash of the weights and the versions of the packages, so a change of
either builds a new one. It appears by one rename: it is whole or it is not there, and two processes
that build at the same time end with the same folder.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lodestone.embedded import WEIGHTS
from lodestone.energies.estimators.grace.tensorflow import load_tensorflow, silence
from lodestone.runtime.files import cache_folder, file_hash, write_atomically

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


def model_folder(weights: Path = WEIGHTS) -> Path:
    """The SavedModel folder that belongs to these weights and the installed packages."""
    parts = [file_hash(weights), version("tensorpotential"), _tensorflow_version()]
    key = hashlib.sha256("/".join(parts).encode()).hexdigest()[:16]
    return cache_folder() / f"grace-embedded-{key}"


def build(weights: Path = WEIGHTS) -> Path:
    """Build the SavedModel if it is not there; returns its folder."""
    target = model_folder(weights)
    if (target / "saved_model.pb").is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        export(weights, temporary / "model")
        _publish(temporary / "model", target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def export(weights: Path, folder: Path) -> None:
    """Write the SavedModel of `weights` to `folder` through the installed package.

    Parameters are in single precision, as they were fitted; sums over atoms are in double.
    """
    from lodestone.energies.estimators.grace.tensorflow import load_tensorflow, silence

    tf = load_tensorflow()
    from tensorpotential import TensorPotential

    architecture, arrays = read_weights(weights)
    with silence():
        potential = TensorPotential(
            potential=instructions(architecture), param_dtype=tf.float32, jit_compile=True
        )
        assign(potential.model, arrays)
        potential.save_model(exact_path=str(folder), jit_compile=True)


def _publish(finished: Path, target: Path) -> None:
    try:
        finished.rename(target)
    except OSError:
        if not (target / "saved_model.pb").is_file():
            raise


def _tensorflow_version() -> str:
    from importlib.metadata import PackageNotFoundError

    for name in ("tensorflow-cpu", "tensorflow"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"
