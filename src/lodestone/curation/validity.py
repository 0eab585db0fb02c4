"""Whether a raw sample is a crystal at all: finite, of a credible volume, with atoms apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.structures import table
from lodestone.structures.distances import min_distance

SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    Col.VOLUME_PER_ATOM: pl.Float64(),
    Col.MIN_DISTANCE: pl.Float64(),
    Col.VALID: pl.Boolean(),
    Col.INVALID_REASON: pl.String(),
}


@dataclass(frozen=True)
class ValidityBounds:
    """Open bounds of a valid structure."""

    volume_per_atom: tuple[float, float] = (5.0, 40.0)
    """Å³ per atom."""
    min_distance: float = 1.0
    """Å; every two atoms, and an atom and its images, must be farther apart."""


@dataclass(frozen=True)
class Validity:
    """Volume per atom (Å³), smallest distance (Å), and why the structure is not valid, if so."""

    volume_per_atom: float | None
    min_distance: float | None
    reason: str | None

    @property
    def valid(self) -> bool:
        """Whether nothing speaks against the structure."""
        return self.reason is None


DEFAULT_BOUNDS = ValidityBounds()


def judge(
    numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray, bounds: ValidityBounds = DEFAULT_BOUNDS
) -> Validity:
    """Measure and judge one structure; every reason is named, joined by "; ".

    Values that are not defined (no atoms, non-finite numbers, a flat cell) are None.
    """
    if not len(numbers):
        return Validity(None, None, "no atoms")
    with np.errstate(all="ignore"):
        volume = _finite(abs(float(np.linalg.det(cell))) / len(numbers))
    distance = _finite(min_distance(numbers, cell, frac))
    if not (np.isfinite(cell).all() and np.isfinite(frac).all()):
        return Validity(volume, None, "not finite")
    reasons = [_volume_reason(volume, bounds), _distance_reason(distance, bounds)]
    return Validity(volume, distance, "; ".join(r for r in reasons if r) or None)


def validity_table(structures: pl.DataFrame, bounds: ValidityBounds = DEFAULT_BOUNDS) -> pl.DataFrame:
    """Judge every row of a structure table; one row each, in the same order.

    A row whose column `failed` is true is not valid whatever it holds, and `failure` is named.
    """
    rows = [_row(row, bounds) for row in structures.iter_rows(named=True)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _row(row: dict[str, object], bounds: ValidityBounds) -> tuple[object, ...]:
    found = judge(*table.arrays(row), bounds)
    reason = found.reason
    if row.get("failed"):
        failed = f"not generated: {row.get('failure') or 'no reason recorded'}"
        reason = failed if reason is None else f"{failed}; {reason}"
    return row["id"], found.volume_per_atom, found.min_distance, reason is None, reason


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _volume_reason(volume: float | None, bounds: ValidityBounds) -> str | None:
    low, high = bounds.volume_per_atom
    if volume is not None and low < volume < high:
        return None
    found = "of no finite size" if volume is None else f"{volume:.4g} Å³"
    return f"volume per atom {found}, not within {low:g} to {high:g} Å³"


def _distance_reason(distance: float | None, bounds: ValidityBounds) -> str | None:
    if distance is not None and distance > bounds.min_distance:
        return None
    found = "not defined" if distance is None else f"{distance:.3g} Å"
    return f"smallest distance {found}, not above {bounds.min_distance:g} Å"
