"""From the `model` setting of GRACE to a SavedModel folder, without ever downloading."""

from __future__ import annotations

import os
from pathlib import Path

EMBEDDED = "embedded"
SAVED_MODEL = "saved_model.pb"


class MissingModelError(FileNotFoundError):
    """No SavedModel where one was asked for; the message names the file and how to put it there."""


def model_path(model: str) -> Path:
    """Folder of a SavedModel: `embedded` (rebuilt if need be), a path, or a published name.

    A published model is looked for in $GRACE_CACHE (default ~/.cache/grace), where the package's own
    `grace_models download NAME` puts it. That command ends with exit code 0 even when it failed, so
    the file itself is what counts. Raises MissingModelError.
    """
    if model == EMBEDDED:
        from lodestone.embedded.grace.build import build

        return build()
    folder = Path(model)
    if folder.is_dir() or os.sep in model:
        return _checked(folder, f"{folder} was given as a path")
    folder = published_cache() / model
    return _checked(
        folder,
        f"{model} is not in the cache of published models; where there is a network, run "
        f"`grace_models download {model}`, then copy the folder to {folder} "
        f"(or set GRACE_CACHE to the folder that holds it)",
    )


def published_cache() -> Path:
    """$GRACE_CACHE or ~/.cache/grace, as the package reads it."""
    return Path(os.environ.get("GRACE_CACHE") or Path.home() / ".cache" / "grace")


def _checked(folder: Path, why: str) -> Path:
    if (folder / SAVED_MODEL).is_file():
        return folder
    message = f"no GRACE model at {folder / SAVED_MODEL}: {why}"
    raise MissingModelError(message)
