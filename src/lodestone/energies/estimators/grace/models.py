"""From the `model` setting of GRACE to a SavedModel folder, without ever downloading.

`grace_models download NAME` puts a model into $GRACE_CACHE (default ~/.cache/grace) as NAME/saved_model.pb
with NAME/variables/; "-fp64" names are the double-precision variants, and short names are aliases of folders.
What `grace_models checkpoint` fetches (checkpoints/NAME/model.yaml) is for training and cannot be evaluated.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from lodestone.energies.estimators.base import MissingModelError

EMBEDDED = "embedded"
SAVED_MODEL = "saved_model.pb"
VARIABLES = "variables/variables.index"
REGISTRY = "models_registry.yaml"
ALIASES = {
    "GRACE-1L-OAM_2Feb25": "GRACE-1L-OAM",
    "GRACE_2L_OAM_28Jan25": "GRACE-2L-OAM",
    "GRACE-2L-OMAT-L": "GRACE-2L-OMAT-large-ft-E",
    "GRACE-2L-OAM-L": "GRACE-2L-OMAT-large-ft-AM",
    "GRACE-2L-OMAT-M": "GRACE-2L-OMAT-medium-ft-E",
    "GRACE-2L-OAM-M": "GRACE-2L-OMAT-medium-ft-AM",
    "GRACE-1L-OMAT-L": "GRACE-1L-OMAT-large-ft-E",
    "GRACE-1L-OAM-L": "GRACE-1L-OMAT-large-ft-AM",
    "GRACE-1L-OMAT-M": "GRACE-1L-OMAT-medium-ft-E",
    "GRACE-1L-OAM-M": "GRACE-1L-OMAT-medium-ft-AM",
}
"""The package's short and old names, and the folders that it stores them in."""
PARTS = (SAVED_MODEL, "variables", "assets", "metadata.yaml", "metadata.json")
"""What a model is made of; a LAMMPS export or a record of the download beside it changes no energy."""


def model_path(model: str) -> Path:
    """Folder of a SavedModel: `embedded` (rebuilt if need be), a path, or a published name.

    The package's own command ends with exit code 0 even when it failed, so the files are what counts.
    Raises MissingModelError.
    """
    if model == EMBEDDED:
        from lodestone.energies.estimators.grace.weights import build

        return build()
    folder, remedy = place(model)
    if wrong := incomplete(folder):
        raise MissingModelError(f"no GRACE model {model}: {wrong}; {remedy}")
    return folder


def place(model: str) -> tuple[Path, str]:
    """Where the SavedModel of a path or a published name belongs, and what to do if it is not there."""
    folder = Path(model)
    if folder.is_dir() or os.sep in model:
        return folder, f"{folder} was given as a path: put the SavedModel there, or name another folder"
    own = _registered(model)
    if own is not None:
        return own, f"{published_cache() / REGISTRY} says that it lies there"
    name = ALIASES.get(model, model)
    folder = published_cache() / name
    return folder, (
        f"where there is a network, run `grace_models download {name}`, then copy the folder to {folder} "
        "(or set GRACE_CACHE to the folder that holds it)"
    )


def incomplete(folder: Path) -> str | None:
    """What a folder lacks to be a SavedModel; None where it lacks nothing."""
    if not (folder / SAVED_MODEL).is_file():
        if (folder / "model.yaml").is_file():
            return f"{folder} is a checkpoint for training; there is no file {folder / SAVED_MODEL}"
        return f"there is no file {folder / SAVED_MODEL}"
    index = folder / VARIABLES
    if not index.is_file():
        return f"there is no file {index} (an unfinished copy or download)"
    if not any(index.parent.glob("variables.data-*")):
        return f"there is no file {index.parent}/variables.data-* (an unfinished copy or download)"
    return None


def published_cache() -> Path:
    """$GRACE_CACHE or ~/.cache/grace, as the package reads it."""
    return Path(os.environ.get("GRACE_CACHE") or Path.home() / ".cache" / "grace")


def model_hash(folder: Path) -> str:
    """SHA-256 of the files that make a SavedModel; kept as long as their sizes and times are the same."""
    files = tuple(
        file
        for part in PARTS
        for file in ([folder / part] if (folder / part).is_file() else sorted((folder / part).rglob("*")))
        if file.is_file()
    )
    status = [file.stat() for file in files]
    return _hash(folder, files, tuple((s.st_mtime_ns, s.st_size) for s in status))


@lru_cache(maxsize=16)
def _hash(folder: Path, files: tuple[Path, ...], known: tuple[tuple[int, int], ...]) -> str:
    del known  # part of the cache's key
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(folder).as_posix().encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _registered(model: str) -> Path | None:
    """The folder of a model that the user has entered into the package's registry; None where none is."""
    registry = published_cache() / REGISTRY
    if not registry.is_file():
        return None
    import yaml

    try:
        entries: Any = yaml.safe_load(registry.read_text(encoding="utf-8"))
        path = entries[model]["path"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None
    return Path(str(path)).expanduser()
