"""Rebuild the embedded model as a SavedModel in a cache folder, once per machine.

The folder's name holds the hash of the weights and the versions of the packages, so a change of
either builds a new one. It appears by one rename: it is whole or it is not there, and two processes
that build at the same time end with the same folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from lodestone.embedded import WEIGHTS
from lodestone.files import file_hash

CACHE_VARIABLE = "LODESTONE_CACHE"


def cache_folder() -> Path:
    """Where rebuilt models lie: $LODESTONE_CACHE, or the environment's own folder, or results/.cache."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    inside = Path(sys.prefix) / "share" / "lodestone"
    return inside if _writable(inside) else Path("results") / ".cache"


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
    from lodestone.embedded.grace.model import assign, instructions, read_weights
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


def _writable(folder: Path) -> bool:
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    return os.access(existing, os.W_OK)


def _tensorflow_version() -> str:
    from importlib.metadata import PackageNotFoundError

    for name in ("tensorflow-cpu", "tensorflow"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"
