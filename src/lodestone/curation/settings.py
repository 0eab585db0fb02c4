"""The settings of the stages of curation, and the parameters that they stand for.

Scripts name these models before threads are set, so nothing numerical is imported above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lodestone.schema.sections import Listed, Range, Slice

if TYPE_CHECKING:
    from lodestone.curation.matching import Similarity
    from lodestone.curation.screening import ScreenLimits


class ScreenSettings(Slice):
    """The section `screen`, and the chemical system."""

    distance_fraction: float
    min_distance: float
    volume_per_atom: Range[float]
    chemical_system: str


class SimilaritySettings(Slice):
    """The section `deduplicate` without its threshold."""

    method: Literal["two_stage", "fingerprint"]
    ltol: float
    stol: float
    angle_tol: float
    cutoff: float
    sigma: float


class DeduplicateSettings(SimilaritySettings):
    """The section `deduplicate`."""

    threshold: float


class NoveltySettings(Slice):
    """When a crystal is a known one, and the names of the sources in their order."""

    threshold: float
    deduplicate: SimilaritySettings
    references: Listed[str]


def elements_of(chemical_system: str) -> tuple[str, ...]:
    """Sorted elements of a chemical system such as "Li-Co-O"."""
    return tuple(sorted(set(chemical_system.split("-"))))


def screen_limits(settings: ScreenSettings) -> ScreenLimits:
    """Limits of screening."""
    from lodestone.curation.screening import ScreenLimits

    return ScreenLimits(
        elements=elements_of(settings.chemical_system),
        distance_fraction=settings.distance_fraction,
        min_distance=settings.min_distance,
        volume_per_atom=settings.volume_per_atom,
    )


def similarity(settings: SimilaritySettings, threshold: float) -> Similarity:
    """When two crystals are the same; `threshold` is that of their fingerprints."""
    from lodestone.curation.fingerprint import FingerprintSettings
    from lodestone.curation.matching import Similarity

    return Similarity(
        method=settings.method,
        threshold=threshold,
        ltol=settings.ltol,
        stol=settings.stol,
        angle_tol=settings.angle_tol,
        fingerprint=FingerprintSettings(settings.cutoff, settings.sigma),
    )
