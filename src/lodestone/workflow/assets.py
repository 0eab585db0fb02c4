"""Hashes of the files that a campaign uses: a rebuilt asset or an edited reference reruns what used it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from lodestone.config.campaign import Campaign
from lodestone.energies.estimators.grace.models import EMBEDDED as EMBEDDED_MODEL
from lodestone.energies.estimators.grace.models import incomplete, model_hash, place
from lodestone.files import file_hash
from lodestone.references.source import LocalSource

EMBEDDED = Path(__file__).parents[1] / "embedded"
ASSETS: dict[str, tuple[str, ...]] = {
    "model": ("mattergen/config.yaml", "mattergen/checkpoints/last.ckpt"),
    "references": ("references.parquet",),  # the campaign's own files of references come from its sources
    "energy": ("grace/weights.npz",),
}
"""Files of the embedded assets, by the section that chooses them."""


def hashes(campaign: Campaign, section: str) -> dict[str, str]:
    """SHA-256 of the files that this section of the campaign chooses: embedded ones, files of references."""
    if section == "references":
        return {s.name: _together(s.paths()) for s in campaign.references if isinstance(s, LocalSource)}
    if section == "energy":
        return estimator_hashes(campaign.energy.estimator.model_dump(mode="json"))
    return asset_hashes(ASSETS[section]) if campaign.model.checkpoint == "embedded" else {}


def estimator_hashes(estimator: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of the model of an estimator's settings, by its name; "missing" where it is not there.

    Empty where the weights come with a package.
    """
    if estimator["kind"] != "grace":
        return {}
    model = str(estimator["model"])
    if model == EMBEDDED_MODEL:
        return asset_hashes(ASSETS["energy"])
    folder, _ = place(model)
    return {model: "missing" if incomplete(folder) else model_hash(folder)}


def asset_hashes(names: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of embedded files, by their names."""
    return {name: _hash(EMBEDDED / name) for name in names}


def _together(paths: tuple[Path, ...]) -> str:
    """One hash of files and of their names within their folder."""
    if len(paths) == 1:
        return _hash(paths[0])
    told = "".join(f"{path.as_posix()} {_hash(path)}\n" for path in paths)
    return hashlib.sha256(told.encode()).hexdigest()


def _hash(path: Path) -> str:
    if not path.is_file():
        return "missing"
    status = path.stat()
    return _hash_of(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _hash_of(path: Path, modified: int, size: int) -> str:
    del modified, size  # they are part of the cache's key
    return file_hash(path)
