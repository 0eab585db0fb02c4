"""Settings of the embedded chemiscope viewer: a map of candidates linked to rotatable structures.

The page itself builds the structures, lazily, from the arrays of `crystals`, and the properties of the map
from the columns of `candidate_data`; the names of the properties are agreed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

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
    if not shown.filter(pl.col("sym_numbers").is_not_null()).height:
        return None
    import chemiscope

    known = [loss_of(c) for c in constraints if _some(shown, f"{c}.processed_loss")]
    hull = [HULL] if _some(shown, "e_above_hull") else []
    satisfied = [satisfied_by(c) for c in constraints if shown[f"{c}.satisfied"].count()]
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
