"""Settings of the embedded chemiscope viewer: a map of candidates linked to rotatable structures.

The page itself builds the structures, lazily, from flat arrays, and the properties of the map
from the columns of `candidates`; the names of the properties are agreed here.

Crystals lie in the page as flat arrays at full precision, from which it draws and writes CIFs. The
neighbours that are drawn are those that a term of a constraint counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.constraints.pair_term import PairTerm

COUNTING = "coordination"
SHARED = "coordination_distribution"


def bonds_of(constraints: Mapping[str, Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Pair terms of every constraint: label, atomic numbers, cutoff (Å), and the counts that meet the target.

    `constraints` are the settings by name. `spans` are closed intervals of neighbours per centre (open ends
    None); None where the term does not ask for a number of neighbours.
    """
    return {name: list(_pairs(section)) for name, section in constraints.items()}


def elements_of(chemical_system: str) -> dict[str, dict[str, Any]]:
    """Symbol, colour (Jmol's) and covalent radius (Å) of every element, by atomic number."""
    from ase.data import atomic_numbers, covalent_radii
    from ase.data.colors import jmol_colors

    found = {}
    for symbol in chemical_system.split("-"):
        number = atomic_numbers[symbol]
        color = "#" + "".join(f"{round(255 * float(part)):02x}" for part in jmol_colors[number])
        found[str(number)] = {
            "symbol": symbol, "color": color, "radius": round(float(covalent_radii[number]), 2)
        }  # fmt: skip
    return found


def _pairs(section: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    from lodestone.constraints import terms_of

    for term in terms_of(section):
        if isinstance(term, PairTerm):
            center, neighbor = term.numbers
            yield {
                "label": f"{term.neighbor} around {term.center} within {term.resolved_cutoff():g} Å",
                "center": center,
                "neighbor": neighbor,
                "cutoff": term.resolved_cutoff(),
                "asked": term.target.words(),
                "spans": _spans(term, section["satisfied_within"]),
            }


def _spans(term: PairTerm, satisfied_within: float) -> list[tuple[float | None, float | None]] | None:
    """Neighbours that a single centre may have, the tolerance of the mean applied to each."""
    if term.kind == SHARED:
        shares: Sequence[tuple[int, float]] = getattr(term.target, "shares", ())
        return [(float(count), float(count)) for count, _ in shares]
    if term.kind != COUNTING:
        return None
    slack = satisfied_within if term.tolerance is None else term.tolerance
    return [
        (None if low is None else low - slack, None if high is None else high + slack)
        for low, high in term.spans()
    ]


CONVENTIONAL: dict[str, tuple[tuple[int, int, int], ...]] = {
    "P": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "A": ((1, 0, 0), (0, 1, -1), (0, 1, 1)),
    "C": ((1, 1, 0), (-1, 1, 0), (0, 0, 1)),
    "I": ((0, 1, 1), (1, 0, 1), (1, 1, 0)),
    "F": ((-1, 1, 1), (1, -1, 1), (1, 1, -1)),
    "R": ((1, -1, 0), (0, 1, -1), (1, 1, 1)),
}
"""Rows of the conventional cell in spglib's standard primitive one, by centring: the first letter of the
space group's symbol (spglib, "Definitions and conventions", transformation to the primitive cell)."""


def arrays_of(shown: pl.DataFrame) -> dict[str, bytes]:
    """Symmetrised structures one after the other, little-endian, as the browser's typed arrays read them.

    `sizes` uint16 (n_structures,), 0 where there is no structure; `numbers` uint8 (n_atoms,); `cells`
    float64 (n_structures, 9), Å, rows are lattice vectors; `fracs` float64 (n_atoms, 3).
    """
    return {
        "sizes": shown[Col.SYM_NUMBERS].list.len().fill_null(0).to_numpy().astype("<u2").tobytes(),
        "numbers": _flat(shown[Col.SYM_NUMBERS]).astype("u1").tobytes(),
        "cells": cells_of(shown).astype("<f8").tobytes(),
        "fracs": _flat(shown["sym_frac"]).astype("<f8").tobytes(),
    }


def cells_of(shown: pl.DataFrame) -> np.ndarray:
    """Cells (n_structures, 3, 3) in Å, zero where there is no structure."""
    rows = shown["sym_cell"].to_list()
    return np.array([[0.0] * 9 if row is None else row for row in rows], dtype=float).reshape(-1, 3, 3)


def centrings(shown: pl.DataFrame) -> str:
    """One letter per structure, a key of CONVENTIONAL; P where no space group is known."""
    letters = (str(symbol or "P")[0] for symbol in shown[Col.SPACE_GROUP_SYMBOL])
    return "".join(letter if letter in CONVENTIONAL else "P" for letter in letters)


def _flat(lists: pl.Series) -> np.ndarray:
    known = lists.drop_nulls()
    if not len(known):
        return np.zeros(0)
    return known.explode().drop_nulls().to_numpy()


HULL, VOLUME, ATOMS = "energy above the hull", "volume per atom", "atoms in the primitive cell"
DESCRIPTION = "Distinct candidates, symmetrised, in their conventional cells."

LARGE, SMALL, CROWDED = 45, 22, 500
"""Size of a point on the map, of one on a crowded map, and the number of structures that crowds it."""


def loss_of(constraint: str) -> str:
    """Name of the map's property with the losses of a constraint."""
    return f"loss of {constraint}"


def satisfied_by(constraint: str) -> str:
    """Name of the map's property that is 1 where a constraint is satisfied as generated."""
    return f"{constraint} satisfied (1) or not (0)"


def viewer_settings(shown: pl.DataFrame, constraints: Sequence[str], campaign: str) -> dict[str, Any] | None:
    """What the viewer starts with; None where there is no structure.

    The map has the loss of the first constraint and the energy above the hull as axes; where one of them is
    unknown for every structure, the volume per atom takes its place. `properties` are the names of the
    numbers that are known for some structure at least.
    """
    if not shown.filter(pl.col(Col.SYM_NUMBERS).is_not_null()).height:
        return None
    import chemiscope

    known = [loss_of(c) for c in constraints if _some(shown, Col.PROCESSED_LOSS.of(c))]
    hull = [HULL] if _some(shown, Col.E_ABOVE_HULL) else []
    satisfied = [satisfied_by(c) for c in constraints if shown[Col.SATISFIED.of(c)].count()]
    numbers = [*known, *hull, VOLUME, ATOMS, *satisfied]
    axes = [*known[:1], *hull, VOLUME, ATOMS]
    settings = chemiscope.quick_settings(
        x=axes[0],
        y=axes[1],
        symbol="arm",
        periodic=True,
        structure_settings={"bonds": True, "keepOrientation": False},
    )
    settings["map"]["size"] = {"factor": LARGE if shown.height < CROWDED else SMALL}
    settings["map"]["color"] = {"property": ""}  # symbols tell the arms apart; a colour bar would cover them
    return {
        "name": campaign,
        "description": DESCRIPTION,
        "properties": numbers,
        "names": {
            "hull": HULL, "volume": VOLUME, "atoms": ATOMS,
            "loss": [loss_of(c) for c in constraints], "satisfied": [satisfied_by(c) for c in constraints],
        },
        "settings": settings,
    }  # fmt: skip


def _some(shown: pl.DataFrame, column: str) -> bool:
    return bool(shown[column].cast(pl.Float64).is_finite().any())
