"""The dataset of the embedded chemiscope viewer: a map of candidates linked to rotatable structures."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.structures.table import to_ase
from lodestone.tables.candidates import structures_of

if TYPE_CHECKING:
    from ase import Atoms

MOST_STRUCTURES = 300
NAN = "***NaN***"
DESCRIPTION = "Screened representatives, symmetrised, in their conventional cells."
HULL = "energy above the hull"


def shown_candidates(candidates: pl.DataFrame) -> pl.DataFrame:
    """Screened representatives, the best first; at most 300 of them."""
    rows = candidates.filter(
        pl.col("is_representative").fill_null(value=False) & pl.col("sym_numbers").is_not_null()
    )
    return ordered(rows).head(MOST_STRUCTURES)


def ordered(rows: pl.DataFrame) -> pl.DataFrame:
    """Best first, then by the best Pareto rank of any constraint, then by energy above the hull."""
    ranks = [c for c in rows.columns if c.endswith(".pareto_rank")]
    lowest = pl.min_horizontal(ranks) if ranks else pl.lit(None, pl.Int32)
    return (
        rows.with_columns(lowest.alias("_rank"))
        .sort("best_rank", "_rank", "e_above_hull", "id", nulls_last=True)
        .drop("_rank")
    )


def dataset(shown: pl.DataFrame, campaign: str, constraints: Sequence[str]) -> dict[str, Any] | None:
    """Input of chemiscope's default visualiser for `shown_candidates`; None when there are none.

    The map has the loss of the first constraint and the energy above the hull as axes; where one of
    them is unknown for every structure, the volume per atom takes its place. A structure without a
    value ("***NaN***", which the page turns into NaN) is not on the map but can still be chosen.
    """
    if not shown.height:
        return None
    import chemiscope

    structures = [conventional(a) for a in to_ase(structures_of(shown, "sym"))]
    losses = {f"loss of {c}": shown[f"{c}.processed_loss"].to_numpy() for c in constraints}
    numeric = losses | {HULL: shown["e_above_hull"].to_numpy()}
    numeric |= {
        "volume per atom": np.array([a.get_volume() / len(a) for a in structures]),
        "atoms in the cell": np.array([float(len(a)) for a in structures]),
    }
    known = {k: v for k, v in numeric.items() if np.isfinite(v.astype(float)).any()}
    units = {HULL: "eV/atom", "volume per atom": "Å³"}
    properties: dict[str, Any] = {
        name: {"target": "structure", "values": values.astype(float)} | _unit(units.get(name))
        for name, values in known.items()
    }
    for name, column in (("formula", "formula"), ("arm", "arm"), ("space group", "space_group_symbol")):
        texts = [str(v) if v is not None else "?" for v in shown[column]]
        properties[name] = {"target": "structure", "values": texts}
    axes = list(known)
    settings = chemiscope.quick_settings(
        x=axes[0],
        y=HULL if HULL in known and axes[0] != HULL else axes[1],
        map_color=HULL if HULL in known else axes[0],
        periodic=True,
        structure_settings={"bonds": True, "keepOrientation": False},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: dict[str, Any] = chemiscope.create_input(
            structures=structures,
            properties=properties,
            metadata={"name": campaign, "description": DESCRIPTION},
            settings=settings,
        )
    return _spell_nan(found)


def conventional(atoms: Atoms) -> Atoms:
    """The conventional standard cell, which shows the symmetry; the cell given where none is found."""
    from pymatgen.io.ase import AseAtomsAdaptor
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    try:
        analyzer = SpacegroupAnalyzer(AseAtomsAdaptor.get_structure(atoms), symprec=0.01)
        cell = analyzer.get_conventional_standard_structure()
        found: Atoms = AseAtomsAdaptor.get_atoms(cell, msonable=False)
    except Exception:  # noqa: BLE001  spglib may find nothing; the picture matters, not the cell
        found = atoms.copy()
    found.info.clear()
    found.wrap()
    return found


def _spell_nan(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {k: _spell_nan(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_spell_nan(v) for v in value]
    return NAN if isinstance(value, float) and value != value else value  # noqa: PLR0124


def _unit(unit: str | None) -> dict[str, str]:
    return {"units": unit} if unit else {}
