"""Phases, compositions with an energy per atom, and references that must not shape a hull.

One absurd energy far below all others would be a vertex of the hull and lift every candidate. In turn:

- more than 50 eV/atom in size, which no crystal has;
- missed by more than 1 eV/atom and 10 robust standard deviations, where the source gives an energy of its
  own. Sources have energy scales of their own, so the middle and the width are those of the source;
- without an energy of its own: more than 2 eV/atom and 10 robust standard deviations below the middle of
  five or more entries of the same formula, or a formation energy below -6 eV/atom (fluorides of rare
  earths, the deepest known, have about -4.5).

The robust standard deviation is 1.4826 times the median absolute deviation. An energy far above the others
is left alone: it is no vertex, so it harms nobody. A reference whose cell is absurd has no energy at all:
the guards have refused it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np
import polars as pl

from lodestone.columns import Col

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
    for name, numbers, energy in rows.select("id", "numbers", Col.ENERGY_PER_ATOM).iter_rows():
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


LARGEST = 50.0  # eV/atom
OUTLIER = 1.0  # eV/atom; a reference is suspect when its own energy is missed by more than this …
OUTLIER_WIDTH = 10.0  # … and by more than this many robust standard deviations
DEPTH = 2.0  # eV/atom below the middle of its formula
ENTRIES = 5  # of a formula, from which on it has a middle
FORMATION = -6.0  # eV/atom
QUARANTINED = "quarantined"


def suspect_references(references: pl.DataFrame) -> dict[str, str]:
    """Identifiers of references that stay out of the hulls, with the reason (see the module).

    `references` has `id`, `numbers`, `energy_per_atom`, `own_energy` (eV/atom or null) and, where there
    are several, `source`.
    """
    found: dict[str, str] = {}
    for step in (_too_large, _missed, _below_their_formula, _formed_too_deep):
        left = references.filter(~pl.col("id").is_in(list(found)))
        found |= {name: f"{QUARANTINED}: {reason}" for name, reason in step(left)}
    return found


def _too_large(references: pl.DataFrame) -> Iterator[tuple[str, str]]:
    rows = references.filter(
        pl.col(Col.ENERGY_PER_ATOM).abs() > LARGEST, pl.col(Col.ENERGY_PER_ATOM).is_finite()
    )
    for name, energy in rows.select("id", Col.ENERGY_PER_ATOM).iter_rows():
        yield name, f"an energy of {energy:+.2f} eV/atom"


def _missed(references: pl.DataFrame) -> Iterator[tuple[str, str]]:
    known = references.filter(pl.col(Col.ENERGY_PER_ATOM).is_finite() & pl.col("own_energy").is_finite())
    parts = known.partition_by("source") if "source" in known.columns else [known]
    for part in parts:
        errors = (part[Col.ENERGY_PER_ATOM] - part["own_energy"]).to_numpy()
        if not len(errors):
            continue
        far = np.abs(errors - np.median(errors)) > max(OUTLIER, _width(errors))
        for name, error in zip(part["id"].to_numpy()[far], errors[far], strict=True):
            yield str(name), f"{error:+.2f} eV/atom from its own energy"


def _below_their_formula(references: pl.DataFrame) -> Iterator[tuple[str, str]]:
    unchecked = _unchecked(references)
    same: dict[object, list[Phase]] = defaultdict(list)
    for phase in phases(references):
        same[reduced(phase.composition)].append(phase)
    for entries in same.values():
        if len(entries) < ENTRIES:
            continue
        energies = np.array([phase.energy for phase in entries])
        depth = np.median(energies) - energies
        limit = max(DEPTH, _width(energies))
        for phase, below in zip(entries, depth, strict=True):
            if below > limit and phase.id in unchecked:
                yield phase.id, f"{below:.2f} eV/atom below the middle of its formula"


def _formed_too_deep(references: pl.DataFrame) -> Iterator[tuple[str, str]]:
    unchecked, known = _unchecked(references), list(phases(references))
    elements: dict[str, float] = {}
    for phase in known:
        if len(phase.composition) == 1:
            (symbol,) = phase.composition
            elements[symbol] = min(phase.energy, elements.get(symbol, np.inf))
    for phase in known:
        if phase.id in unchecked and elements.keys() >= phase.composition.keys():
            atoms = sum(phase.composition.values())
            formation = phase.energy - sum(n * elements[s] for s, n in phase.composition.items()) / atoms
            if formation < FORMATION:
                yield phase.id, f"a formation energy of {formation:+.2f} eV/atom"


def _unchecked(references: pl.DataFrame) -> set[str]:
    """References without an energy of their own."""
    return set(references.filter(~pl.col("own_energy").is_finite().fill_null(value=False))["id"])


def _width(values: np.ndarray) -> float:
    return OUTLIER_WIDTH * 1.4826 * float(np.median(np.abs(values - np.median(values))))
