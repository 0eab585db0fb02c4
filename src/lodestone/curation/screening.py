"""Which structures go on: finite, of a credible volume, atoms apart, and of the requested elements.

Radii are the covalent radii of Cordero et al. (Dalton Trans. 2008, 2832), as ASE tabulates them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.curation.symmetry import was_generated
from lodestone.structures import table
from lodestone.structures.distances import min_distance, neighbours

SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    Col.PASSED: pl.Boolean(),
    Col.SCREEN_REASON: pl.String(),
    "on_system": pl.Boolean(),
}
HEAVIEST = 118


@dataclass(frozen=True)
class ScreenLimits:
    """What a structure must fulfil to be judged further."""

    elements: tuple[str, ...]
    """The requested chemical system; all of it must be present, and nothing else."""
    distance_fraction: float = 0.6
    """Every distance must be at least this fraction of the sum of the covalent radii."""
    min_distance: float = 0.7
    """Å; every distance must be at least this."""
    volume_per_atom: tuple[float, float] = (3.0, 100.0)
    """Å³ per atom, bounds included."""


@dataclass(frozen=True)
class Screening:
    """Every reason against a structure, and whether it is of the requested chemical system."""

    reasons: tuple[str, ...]
    on_system: bool

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the structure."""
        return not self.reasons


def screen(numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray, limits: ScreenLimits) -> Screening:
    """Name every reason against a structure ((n_atoms,), (3, 3) in Å, (n_atoms, 3))."""
    composition = composition_reasons(numbers, limits.elements)
    return Screening((*_geometry_reasons(numbers, cell, frac, limits), *composition), not composition)


def composition_reasons(numbers: np.ndarray, elements: Sequence[str]) -> tuple[str, ...]:
    """Which requested elements are missing and which foreign ones are there."""
    present = {_symbol(z) for z in set(numbers.tolist())}
    missing = [e for e in elements if e not in present]
    foreign = sorted(present - set(elements))
    reasons = [("missing elements", missing), ("foreign elements", foreign)]
    return tuple(f"{what}: {', '.join(names)}" for what, names in reasons if names)


def screening_table(symmetrized: pl.DataFrame, limits: ScreenLimits) -> pl.DataFrame:
    """Screen every row of the table of `symmetrize`; one row each, in the same order.

    Structures that the sampler failed to generate do not pass, whatever their last state is.
    """
    rows = [_row(row, limits) for row in symmetrized.iter_rows(named=True)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _row(row: dict[str, Any], limits: ScreenLimits) -> tuple[Any, ...]:
    found = screen(*table.arrays(row), limits)
    mark = row.get(Col.SYMMETRIZE_FAILURE)
    reasons = found.reasons if was_generated(mark) else (str(mark), *found.reasons)
    return row["id"], not reasons, "; ".join(reasons) or None, found.on_system


def _geometry_reasons(
    numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray, limits: ScreenLimits
) -> tuple[str, ...]:
    if not len(numbers):
        return ("no atoms",)
    if not np.isfinite(cell).all():
        return ("cell not finite",)
    if not np.isfinite(frac).all():
        return ("positions not finite",)
    volume = _volume_reason(numbers, cell, limits)
    distance = _distance_reason(numbers, cell, frac, limits)
    return tuple(r for r in (volume, distance) if r)


def _volume_reason(numbers: np.ndarray, cell: np.ndarray, limits: ScreenLimits) -> str | None:
    with np.errstate(over="ignore"):
        volume = abs(float(np.linalg.det(cell))) / len(numbers)
    low, high = limits.volume_per_atom
    if low <= volume <= high:
        return None
    return f"volume per atom {volume:.4g} Å³ outside {low:g} to {high:g} Å³"


def _distance_reason(
    numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray, limits: ScreenLimits
) -> str | None:
    """The closest pair against its limit; unknown elements count with no radius."""
    closest = min_distance(numbers, cell, frac)
    if not np.isfinite(closest):
        return "distances not defined: the cell spans no volume"
    if closest < limits.min_distance:
        return f"smallest distance {closest:.3g} Å below {limits.min_distance:g} Å"
    radii = _radii(numbers)
    cutoff = 2 * limits.distance_fraction * float(radii.max())
    if closest > cutoff:
        return None
    try:
        i, j, d = neighbours(cell, frac, cutoff)
    except ValueError as error:
        return str(error)
    ratio = d / (limits.distance_fraction * (radii[i] + radii[j]))
    if not len(ratio) or ratio.min() >= 1:
        return None
    worst = int(ratio.argmin())
    pair = "-".join(sorted((_symbol(numbers[i[worst]]), _symbol(numbers[j[worst]]))))
    allowed = d[worst] / ratio[worst]
    return (
        f"{pair} distance {d[worst]:.3g} Å below {limits.distance_fraction:g} × "
        f"the sum of covalent radii ({allowed:.3g} Å)"
    )


def _radii(numbers: np.ndarray) -> np.ndarray:
    from ase.data import covalent_radii

    known = (numbers >= 1) & (numbers <= HEAVIEST)
    return np.where(known, covalent_radii[np.where(known, numbers, 0)], 0.0)


def _symbol(number: int) -> str:
    from ase.data import chemical_symbols

    return chemical_symbols[number] if 1 <= number <= HEAVIEST else f"element {number}"
