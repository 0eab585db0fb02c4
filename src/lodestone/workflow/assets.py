"""Hashes of the files that a campaign uses: a rebuilt asset or an edited reference reruns what used it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lodestone.config.campaign import Campaign
from lodestone.embedded import FOLDER as EMBEDDED
from lodestone.energies.estimators import settings_of
from lodestone.references.source import LocalSource
from lodestone.runtime.files import known_hash

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
    return settings_of(estimator).hashes()


def asset_hashes(names: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of embedded files, by their names."""
    return {name: known_hash(EMBEDDED / name) for name in names}


def _together(paths: tuple[Path, ...]) -> str:
    """One hash of files and of their names within their folder."""
    if len(paths) == 1:
        return known_hash(paths[0])
    told = "".join(f"{path.as_posix()} {known_hash(path)}\n" for path in paths)
    return hashlib.sha256(told.encode()).hexdigest()
