"""References of the size of a database, made up: prototypes with elements put in, in Alexandria's format.

Cells are scaled until the closest atoms lie 1.1 times the sum of their covalent radii apart. Energies are
random numbers: what reads them is timed, and nothing is learnt from them.
"""

from __future__ import annotations

import bz2
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from lodestone.runtime.files import write_atomically
from lodestone.structures.elements import RADII
from tools.rehearsal.potential import COVERED

APART = 1.1
"""Shortest distance of two atoms, in sums of their covalent radii."""
PER_FILE = 10_000
TERNARY = 0.75
"""Share of crystals of three elements among those that are drawn."""
NAME = "made-up"

_CUBE = np.eye(3)
_FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
_BCC = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2
_X = 0.2624  # of the anions of spinel
_U = 0.305  # of the anions of rutile


def _hexagonal(c: float) -> np.ndarray:
    return np.array([[1, 0, 0], [-0.5, np.sqrt(3) / 2, 0], [0, 0, c]])


def _rhombohedral(c: float) -> np.ndarray:
    rows = [[0.5, 0.5 / np.sqrt(3), c / 3], [-0.5, 0.5 / np.sqrt(3), c / 3], [0, -1 / np.sqrt(3), c / 3]]
    return np.array(rows)


@dataclass(frozen=True)
class Prototype:
    """A kind of crystal: cell (3, 3) in units of its length, positions, which of its elements sits where."""

    name: str
    cell: np.ndarray
    sites: tuple[int, ...]
    frac: Any
    """Fractional coordinates (n_atoms, 3)."""

    @property
    def kinds(self) -> int:
        """Number of elements."""
        return max(self.sites) + 1

    @cached_property
    def closest(self) -> np.ndarray:
        """Shortest distance of two kinds of sites (kinds, kinds), in units of the length."""
        frac, sites = np.asarray(self.frac, dtype=float), np.array(self.sites)
        images = np.array(list(np.ndindex(5, 5, 5))) - 2
        apart = np.linalg.norm(
            (frac[None, :, None] - frac[:, None, None] + images) @ self.cell, axis=-1
        )  # (n, n, images)
        apart[apart < 1e-9] = np.inf  # an atom and itself
        least = apart.min(axis=2)
        return np.array(
            [
                [least[np.ix_(sites == i, sites == j)].min() for j in range(self.kinds)]
                for i in range(self.kinds)
            ]
        )

    def length(self, elements: tuple[str, ...]) -> float:
        """Its length in Å with these elements."""
        radii = np.array([RADII[symbol] for symbol in elements])
        return float((APART * (radii[:, None] + radii) / self.closest).max())


PROTOTYPES = (
    Prototype("fcc", _FCC, (0,), [[0, 0, 0]]),
    Prototype("bcc", _BCC, (0,), [[0, 0, 0]]),
    Prototype("hcp", _hexagonal(1.633), (0, 0), [[1 / 3, 2 / 3, 1 / 4], [2 / 3, 1 / 3, 3 / 4]]),
    Prototype("diamond", _FCC, (0, 0), [[0, 0, 0], [1 / 4] * 3]),
    Prototype("rocksalt", _FCC, (0, 1), [[0, 0, 0], [1 / 2] * 3]),
    Prototype("caesium chloride", _CUBE, (0, 1), [[0, 0, 0], [1 / 2] * 3]),
    Prototype("zincblende", _FCC, (0, 1), [[0, 0, 0], [1 / 4] * 3]),
    Prototype(
        "nickeline",
        _hexagonal(1.4),
        (0, 0, 1, 1),
        [[0, 0, 0], [0, 0, 1 / 2], [1 / 3, 2 / 3, 1 / 4], [2 / 3, 1 / 3, 3 / 4]],
    ),
    Prototype("fluorite", _FCC, (0, 1, 1), [[0, 0, 0], [1 / 4] * 3, [3 / 4] * 3]),
    Prototype(
        "rutile",
        np.diag([1, 1, 0.64]),
        (0, 0, 1, 1, 1, 1),
        [
            *([0, 0, 0], [1 / 2] * 3, [_U, _U, 0], [1 - _U, 1 - _U, 0]),
            *([1 / 2 + _U, 1 / 2 - _U, 1 / 2], [1 / 2 - _U, 1 / 2 + _U, 1 / 2]),
        ],
    ),
    Prototype(
        "Cu3Au", _CUBE, (0, 1, 1, 1), [[0, 0, 0], [0, 1 / 2, 1 / 2], [1 / 2, 0, 1 / 2], [1 / 2, 1 / 2, 0]]
    ),
    Prototype(
        "perovskite",
        _CUBE,
        (0, 1, 2, 2, 2),
        [[0, 0, 0], [1 / 2] * 3, [0, 1 / 2, 1 / 2], [1 / 2, 0, 1 / 2], [1 / 2, 1 / 2, 0]],
    ),
    Prototype("half-Heusler", _FCC, (0, 1, 2), [[0, 0, 0], [1 / 2] * 3, [1 / 4] * 3]),
    Prototype("Heusler", _FCC, (0, 1, 2, 2), [[0, 0, 0], [1 / 2] * 3, [1 / 4] * 3, [3 / 4] * 3]),
    Prototype("layered", _rhombohedral(5.0), (0, 1, 2, 2), [[0, 0, 0], [1 / 2] * 3, [0.26] * 3, [0.74] * 3]),
    Prototype(
        "spinel",
        _FCC,
        (0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2),
        [
            *([1 / 8] * 3, [7 / 8] * 3),
            *([1 / 2] * 3, [1 / 2, 1 / 2, 0], [1 / 2, 0, 1 / 2], [0, 1 / 2, 1 / 2]),
            *([_X] * 3, [_X, _X, 1 / 2 - 3 * _X], [_X, 1 / 2 - 3 * _X, _X], [1 / 2 - 3 * _X, _X, _X]),
            *([-_X] * 3, [-_X, -_X, 3 * _X - 1 / 2], [-_X, 3 * _X - 1 / 2, -_X], [3 * _X - 1 / 2, -_X, -_X]),
        ],
    ),
)


def description(folder: Path) -> dict[str, Any]:
    """The entry of `references` that reads these files."""
    return {"kind": "alexandria_bulk", "name": NAME, "licence": "CC0-1.0", "path": str(folder)}


def write_references(folder: Path, crystals: int, system: tuple[str, ...], *, seed: int = 1) -> None:
    """Write so many crystals to `folder/alexandria_*.json.bz2`; files that are there are left.

    Among them is every prototype with every choice of the elements of `system`.
    """
    random = np.random.default_rng(seed)
    chosen = list(decorations(crystals, system, random))
    energies = random.normal(-6, 1.5, crystals)
    above = np.abs(random.normal(0, 0.2, crystals))
    folder.mkdir(parents=True, exist_ok=True)
    for number, first in enumerate(range(0, crystals, PER_FILE)):
        path = folder / f"alexandria_{number:03d}.json.bz2"
        if path.is_file():
            continue
        part = range(first, min(first + PER_FILE, crystals))
        text = ",\n".join(
            json.dumps(entry(f"{NAME}-{i:06d}", *chosen[i], float(energies[i]), float(above[i])))
            for i in part
        )
        content = bz2.compress(f'{{"entries": [\n{text}\n]}}'.encode())
        write_atomically(path, lambda temporary, content=content: temporary.write_bytes(content))


def decorations(
    crystals: int, system: tuple[str, ...], random: np.random.Generator
) -> Iterator[tuple[Prototype, tuple[str, ...]]]:
    """So many different prototypes with elements: those of the system, of one element, then drawn ones."""
    known: set[tuple[str, tuple[str, ...]]] = set()
    ordered = [(p, e) for p in PROTOTYPES for e in permutations(system, p.kinds)]
    ordered += [(p, (e,)) for p in PROTOTYPES if p.kinds == 1 for e in COVERED]
    by_kinds = {kinds: [p for p in PROTOTYPES if p.kinds == kinds] for kinds in (2, 3)}
    while len(known) < crystals:
        if ordered:
            prototype, elements = ordered.pop(0)
        else:
            kinds = 3 if random.random() < TERNARY else 2
            prototype = by_kinds[kinds][random.integers(len(by_kinds[kinds]))]
            elements = tuple(str(e) for e in random.choice(COVERED, kinds, replace=False))
        if (prototype.name, elements) not in known:
            known.add((prototype.name, elements))
            yield prototype, elements


def entry(
    name: str, prototype: Prototype, elements: tuple[str, ...], energy_per_atom: float, above: float
) -> dict[str, Any]:
    """A crystal as pymatgen writes a ComputedStructureEntry, with the `data` that Alexandria adds."""
    cell = prototype.cell * prototype.length(elements)
    frac = np.asarray(prototype.frac, dtype=float)
    symbols = [elements[site] for site in prototype.sites]
    lengths = np.linalg.norm(cell, axis=1)
    unit = cell / lengths[:, None]
    angles = np.degrees(np.arccos([unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]]))
    sites = [
        {
            "species": [{"element": symbol, "occu": 1}],
            "abc": abc,
            "xyz": xyz,
            "properties": {},
            "label": symbol,
        }
        for symbol, abc, xyz in zip(symbols, frac.tolist(), (frac @ cell).tolist(), strict=True)
    ]
    total = energy_per_atom * len(symbols)
    return {
        "@module": "pymatgen.entries.computed_entries",
        "@class": "ComputedStructureEntry",
        "energy": total,
        "composition": {symbol: float(symbols.count(symbol)) for symbol in elements},
        "entry_id": name,
        "correction": 0.0,
        "energy_adjustments": [],
        "parameters": {},
        "data": {"mat_id": name, "energy_total": total, "e_above_hull": above},
        "structure": {
            "@module": "pymatgen.core.structure",
            "@class": "Structure",
            "charge": 0,
            "lattice": {
                "matrix": cell.tolist(),
                "pbc": [True, True, True],
                **dict(zip("abc", lengths.tolist(), strict=True)),
                **dict(zip(("alpha", "beta", "gamma"), angles.tolist(), strict=True)),
                "volume": float(abs(np.linalg.det(cell))),
            },
            "properties": {},
            "sites": sites,
        },
    }
