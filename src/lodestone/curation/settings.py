"""Reads the parameters of the stages from the JSON-able slices of a campaign's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lodestone.curation.fingerprint import FingerprintSettings
from lodestone.curation.matching import Similarity
from lodestone.curation.screening import ScreenLimits


def elements_of(chemical_system: str) -> tuple[str, ...]:
    """Sorted elements of a chemical system such as "Li-Co-O"."""
    return tuple(sorted(set(chemical_system.split("-"))))


def screen_limits(settings: Mapping[str, Any]) -> ScreenLimits:
    """Limits of screening, from its section and `chemical_system`."""
    low, high = settings["volume_per_atom"]
    return ScreenLimits(
        elements=elements_of(settings["chemical_system"]),
        distance_fraction=settings["distance_fraction"],
        min_distance=settings["min_distance"],
        volume_per_atom=(low, high),
    )


def similarity(deduplicate: Mapping[str, Any], threshold: float | None = None) -> Similarity:
    """The similarity of the section `deduplicate`; `threshold` replaces its fingerprint threshold."""
    return Similarity(
        method=deduplicate["method"],
        threshold=deduplicate["threshold"] if threshold is None else threshold,
        ltol=deduplicate["ltol"],
        stol=deduplicate["stol"],
        angle_tol=deduplicate["angle_tol"],
        fingerprint=FingerprintSettings(deduplicate["cutoff"], deduplicate["sigma"]),
    )
