"""Puts the relaxed chunks together into the embedded reference set."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

LARGEST_FORCE = 0.5  # eV/Å; what is further from a minimum is no reference
LICENCE = "MIT (made by this project; prototypes: AFLOW via pymatgen; energies: CHGNet 0.3.0)"


def reference_table(chunks: pl.DataFrame, retrieved: str) -> pl.DataFrame:
    """The reference table: relaxed, distinct structures with CHGNet energies and their hull.

    Two structures of one formula whose energies agree within 1 meV/atom and whose volumes agree
    within 1 % are one.
    """
    from pymatgen.core import Composition, Element

    usable = chunks.filter(pl.col("failure").is_null() & (pl.col("largest_force") < LARGEST_FORCE)).sort("id")
    rows: list[dict[str, Any]] = []
    seen: dict[str, list[tuple[float, float]]] = {}
    for row in usable.iter_rows(named=True):
        composition = Composition.from_dict(_counts(row["numbers"]))
        formula = composition.reduced_formula
        n_atoms = len(row["numbers"])
        energy = row["energy"] / n_atoms
        volume = abs(np.linalg.det(np.reshape(row["cell"], (3, 3)))) / n_atoms
        known = seen.setdefault(formula, [])
        if any(abs(energy - e) < 1e-3 and abs(volume / v - 1) < 0.01 for e, v in known):
            continue
        known.append((energy, volume))
        rows.append(
            {
                "id": f"embedded/{row['id']}",
                "numbers": row["numbers"],
                "cell": row["cell"],
                "frac": list(np.mod(row["frac"], 1.0)),
                "formula": formula,
                "chemical_system": "-".join(sorted(e.symbol for e in composition.elements)),
                "source": "embedded",
                "source_id": row["id"],
                "energy_per_atom": energy,
                "licence": LICENCE,
                "retrieved": retrieved,
            }
        )
    assert all(Element.is_valid_symbol(e) for r in rows for e in r["chemical_system"].split("-"))
    table = pl.DataFrame(rows, schema_overrides=_types(chunks))
    return table.with_columns(pl.Series("e_above_hull", _above_hull(table), dtype=pl.Float64))


def _types(chunks: pl.DataFrame) -> dict[str, Any]:
    return {name: chunks.schema[name] for name in ("numbers", "cell", "frac")}


def _counts(numbers: list[int]) -> dict[str, int]:
    from ase.data import chemical_symbols

    symbols = [chemical_symbols[z] for z in numbers]
    return {s: symbols.count(s) for s in symbols}


def _above_hull(table: pl.DataFrame) -> list[float]:
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    entries = [
        PDEntry(composition, energy * composition.num_atoms)
        for composition, energy in (
            (Composition.from_dict(_counts(numbers)), energy)
            for numbers, energy in table.select("numbers", "energy_per_atom").iter_rows()
        )
    ]
    found = []
    for entry in entries:
        elements = set(entry.composition.elements)
        inside = [e for e in entries if set(e.composition.elements) <= elements]
        diagram = PhaseDiagram(inside)
        found.append(float(diagram.get_e_above_hull(entry)))
    return found
