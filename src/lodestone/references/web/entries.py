"""Crystals from the entries of databases: checked arrays, rows of the table of references.

An entry that is no reference raises `UnfitError` with one of the reasons below; it is counted, never
dropped in silence, and never stops the others. What pymatgen wrote to JSON (the Materials Project's service,
Alexandria's files) is read without it: building its objects takes four times as long, and a database has
millions.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.structures.table import from_arrays

NO_ID = "no id"
REPEATED = "an id that came before"
NO_STRUCTURE = "no cell, positions or species"
NOT_PERIODIC = "not periodic in three directions"
DISORDERED = "disordered: partial occupation, vacancies or attached atoms"
NO_ELEMENT = "a site without a known element"
MISMATCH = "arrays of wrong shape or that do not fit together"
NOT_FINITE = "a cell or positions with values that are no finite numbers"
FLAT = "a cell without a volume"
OTHER_ELEMENTS = "other elements than asked for"
SMALLEST_VOLUME = 0.01
"""Å³ of a cell; below, its vectors lie in a plane."""


class UnfitError(ValueError):
    """Why an entry is no reference; its text is one of the reasons above."""


@dataclass(frozen=True)
class KnownCrystal:
    """One reference: energies in eV/atom on the source's own scale, None where it gives none."""

    source_id: str
    numbers: np.ndarray
    """Atomic numbers (n_atoms,)."""
    cell: np.ndarray
    """Rows are lattice vectors (3, 3) in Å."""
    frac: np.ndarray
    """Fractional coordinates (n_atoms, 3), not wrapped."""
    energy_per_atom: float | None = None
    e_above_hull: float | None = None


@dataclass
class Collected:
    """Crystals of some entries, and the others by why they are none."""

    crystals: list[KnownCrystal] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, reason: str, n_entries: int = 1) -> None:
        """Count entries that are no reference."""
        if n_entries:
            self.left_out[reason] = self.left_out.get(reason, 0) + n_entries

    def add(self, read: Callable[[], KnownCrystal]) -> None:
        """Take the crystal that `read` gives, or count why it gives none."""
        try:
            self.crystals.append(read())
        except UnfitError as error:
            self.leave_out(str(error))


def geometry(cell: Any, positions: Any, symbols: Sequence[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers, cell and fractional coordinates from a cell and Cartesian positions in Å.

    Raises:
        UnfitError: they are no crystal.
    """
    if cell is None or positions is None or not len(symbols):
        raise UnfitError(NO_STRUCTURE)
    numbers = np.array([atomic_number(symbol) for symbol in symbols])
    rows, places = floats(cell), floats(positions)
    if rows.shape != (3, 3) or places.shape != (len(numbers), 3):
        raise UnfitError(MISMATCH)
    if not (np.isfinite(rows).all() and np.isfinite(places).all()):
        raise UnfitError(NOT_FINITE)
    if not abs(np.linalg.det(rows)) > SMALLEST_VOLUME:
        raise UnfitError(FLAT)
    return numbers, rows, np.linalg.solve(rows.T, places.T).T


def floats(values: Any) -> np.ndarray:
    """An array of floats; None inside becomes NaN.

    Raises:
        UnfitError: it is ragged, or holds something else than numbers.
    """
    try:
        array = np.asarray(values, dtype=object)
        if not all(v is None or isinstance(v, int | float) for v in array.ravel()):
            raise UnfitError(MISMATCH)
        return array.astype(float)
    except (ValueError, OverflowError):  # ragged; an integer beyond every float
        raise UnfitError(MISMATCH) from None


def number(value: Any) -> float | None:
    """A finite float, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def atomic_number(symbol: Any) -> int:
    """The number of an element.

    Raises:
        UnfitError: it is none.
    """
    found = _numbers().get(symbol) if isinstance(symbol, str) else None
    if found is None:
        raise UnfitError(NO_ELEMENT)
    return found


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    from ase.data import atomic_numbers

    return {symbol: z for symbol, z in atomic_numbers.items() if z > 0}


@lru_cache(maxsize=1)
def _symbols() -> dict[int, str]:
    return {z: symbol for symbol, z in _numbers().items()}


def chemical_system(numbers: Iterable[int]) -> str:
    """Sorted symbols joined by "-"."""
    return "-".join(sorted({_symbols()[int(z)] for z in numbers}))


def check_elements(numbers: np.ndarray, elements: Collection[str]) -> None:
    """Raises UnfitError where a crystal is not of exactly these elements."""
    if {_symbols()[int(z)] for z in numbers} != set(elements):
        raise UnfitError(OTHER_ELEMENTS)


def rows(crystals: Sequence[KnownCrystal], source: str, licence: str) -> pl.DataFrame:
    """Rows of the table of references, retrieved today."""
    from lodestone.references.table import SCHEMA

    return (
        from_arrays(
            [f"{source}/{c.source_id}" for c in crystals],
            (c.numbers for c in crystals),
            (c.cell for c in crystals),
            (c.frac for c in crystals),
        )
        .with_columns(
            pl.Series(Col.FORMULA, [_formula(c.numbers) for c in crystals], dtype=pl.String),
            pl.Series("chemical_system", [chemical_system(c.numbers) for c in crystals], dtype=pl.String),
            pl.lit(source).alias("source"),
            pl.Series("source_id", [c.source_id for c in crystals], dtype=pl.String),
            pl.Series(Col.ENERGY_PER_ATOM, [c.energy_per_atom for c in crystals], dtype=pl.Float64),
            pl.Series(Col.E_ABOVE_HULL, [c.e_above_hull for c in crystals], dtype=pl.Float64),
            pl.lit(licence).alias("licence"),
            pl.lit(dt.datetime.now(dt.UTC).date().isoformat()).alias("retrieved"),
        )
        .select(list(SCHEMA))
    )


def _formula(numbers: np.ndarray) -> str:
    kinds, counts = np.unique(numbers, return_counts=True)
    counts = counts // np.gcd.reduce(counts)
    return _reduced(tuple(kinds.tolist()), tuple(counts.tolist()))


@lru_cache(maxsize=200_000)
def _reduced(numbers: tuple[int, ...], counts: tuple[int, ...]) -> str:
    """Reduced formula as pymatgen writes it, with its habits for O2, Li2O2 and the like."""
    from pymatgen.core import Composition

    return str(Composition({_symbols()[z]: n for z, n in zip(numbers, counts, strict=True)}).reduced_formula)


def structure_arrays(structure: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers (n_atoms,), cell (3, 3) in Å and fractional coordinates (n_atoms, 3).

    Raises:
        UnfitError: it is no ordered crystal.
    """
    if not isinstance(structure, Mapping):
        raise UnfitError(NO_STRUCTURE)
    lattice, sites = structure.get("lattice"), structure.get("sites")
    if not isinstance(lattice, Mapping) or not isinstance(sites, list) or not sites:
        raise UnfitError(NO_STRUCTURE)
    if not all(lattice.get("pbc") or (True,)):
        raise UnfitError(NOT_PERIODIC)
    symbols = [_element(site) for site in sites]
    if all(site.get("xyz") is not None for site in sites):
        return geometry(lattice.get("matrix"), [site["xyz"] for site in sites], symbols)
    cell = floats(lattice.get("matrix"))
    frac = floats([site.get("abc") for site in sites])
    if cell.shape != (3, 3) or frac.shape != (len(sites), 3):
        raise UnfitError(NO_STRUCTURE)
    return geometry(cell.tolist(), (frac @ cell).tolist(), symbols)


def _element(site: Any) -> Any:
    species = site.get("species") if isinstance(site, Mapping) else None
    if not isinstance(species, list) or not species:
        raise UnfitError(NO_STRUCTURE)
    only = species[0]
    if len(species) > 1 or not isinstance(only, Mapping) or abs((number(only.get("occu")) or 0) - 1) > 1e-6:
        raise UnfitError(DISORDERED)
    return only.get("element")
