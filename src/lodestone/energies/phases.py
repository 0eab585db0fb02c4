"""Phases: compositions with an energy per atom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np
import polars as pl

System = tuple[str, ...]
Reduced = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Phase:
    """A composition (element symbol -> atoms) with an energy per atom in eV."""

    id: str
    composition: Mapping[str, int]
    energy: float

    @property
    def system(self) -> System:
        """Symbols, sorted."""
        return tuple(sorted(self.composition))


def phases(rows: pl.DataFrame) -> Iterable[Phase]:
    """Phases of a table's rows (`id`, `numbers`, `energy_per_atom`) that have an energy."""
    for name, numbers, energy in rows.select("id", "numbers", "energy_per_atom").iter_rows():
        if energy is not None and np.isfinite(energy) and numbers:
            yield Phase(name, composition_of(numbers), energy)


def composition_of(numbers: Sequence[int]) -> dict[str, int]:
    """Element symbol -> number of atoms, sorted by symbol."""
    from ase.data import chemical_symbols

    return dict(sorted((chemical_symbols[z], n) for z, n in Counter(numbers).items()))


def reduced(composition: Mapping[str, int]) -> Reduced:
    """A composition in its smallest whole numbers, sorted by symbol: equal for equal formulas."""
    divisor = gcd(*composition.values())
    return tuple(sorted((symbol, n // divisor) for symbol, n in composition.items()))
