"""What made a campaign: resolved settings, versions, and hashes of weights, references and results."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lodestone import plugins
from lodestone.runtime.files import file_hash

PACKAGES = (
    *("lodestone", "mattergen", "torch", "torch-geometric", "pytorch-lightning", "numpy"),
    *("chgnet", "tensorpotential", "tensorflow-cpu", "ase", "pymatgen", "spglib", "scikit-learn"),
    *("polars", "scipy", "statsmodels", "pymoo", "plotly", "chemiscope", "snakemake", "pydantic"),
)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on; missing ones are left out.

    Those of other packages that register plugins come last.
    """
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | plugins.distributions()


def make_record(settings: Mapping[str, Any], *, references: Path, candidates: Path) -> dict[str, Any]:
    """The record of a finished campaign (JSON-able); `settings` is the resolved campaign with its arms."""
    from lodestone.energies.identity import makers

    config = {key: value for key, value in settings.items() if key != "arms"}
    return {
        "campaign": config["campaign"],
        "config": config,
        "arms": settings["arms"],
        "versions": versions(),
        "platform": platform.platform(),
        "estimators": makers(references.parent),
        "sha256": {
            "model": _model_hash(config),
            "energy": estimator_hash(config["energy"]["estimator"]),
            "references": file_hash(references),
            "candidates": file_hash(candidates),
        },
    }


def _model_hash(config: Mapping[str, Any]) -> str | None:
    """Of the diffusion model; None where nothing was drawn by it."""
    if not config["sampling"]["structures"]:
        return None
    return file_hash(checkpoint_folder(config["model"]["checkpoint"]))


def checkpoint_folder(name: str) -> Path:
    """The folder of the diffusion model that a campaign names."""
    from lodestone.sampling.mattergen.checkpoint import locate

    return locate(name)


def estimator_hash(estimator: Mapping[str, Any]) -> str | None:
    """SHA-256 of the estimator's model; None where it comes with a package, whose version says it all."""
    from lodestone.energies.estimators import settings_of

    return next(iter(settings_of(estimator).hashes().values()), None)
