"""Hashes of the embedded assets that a campaign uses: a rebuilt asset reruns what used the old one."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from lodestone.campaign.config import Campaign
from lodestone.campaign.sections.energy import Grace
from lodestone.files import file_hash

EMBEDDED = Path(__file__).parents[1] / "embedded"
ASSETS: dict[str, tuple[str, ...]] = {
    "model": ("mattergen/config.yaml", "mattergen/checkpoints/last.ckpt"),
    "references": ("references.parquet",),
    "energy": ("grace/weights.npz",),
}
"""Files of the embedded assets, by the section that chooses them."""


def hashes(campaign: Campaign, section: str) -> dict[str, str]:
    """SHA-256 of the embedded files that this section of the campaign chooses, if any."""
    estimator = campaign.energy.estimator
    chosen = {
        "model": campaign.model.checkpoint == "embedded",
        "references": "embedded" in campaign.references,
        "energy": isinstance(estimator, Grace) and estimator.model == "embedded",
    }
    if not chosen[section]:
        return {}
    return asset_hashes(ASSETS[section])


def asset_hashes(names: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of embedded files, by their names."""
    return {name: _hash(EMBEDDED / name) for name in names}


def _hash(path: Path) -> str:
    if not path.is_file():
        return "missing"
    status = path.stat()
    return _hash_of(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _hash_of(path: Path, modified: int, size: int) -> str:
    del modified, size  # they are part of the cache's key
    return file_hash(path)
