"""Energy above the convex hull of the references, and of references and candidates together.

The hull is pymatgen's PhaseDiagram, one per chemical system that is asked for: a pure element that
is missing from the references then disables the compositions that contain it, and no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from pymatgen.analysis.phase_diagram import PhaseDiagram
    from pymatgen.core import Composition

DEEPEST = 1.0  # eV/atom; a candidate further below the references' hull has found a hole in the model
OUTLIER = 1.0  # eV/atom; a reference is suspect when its own energy is missed by more than this …
OUTLIER_WIDTH = 10.0  # … and by more than this many median absolute deviations
SCHEMA = {
    "id": pl.String(),
    "kind": pl.String(),
    "e_above_hull": pl.Float64(),
    "e_above_hull_combined": pl.Float64(),
    "hull_note": pl.String(),
}
System = tuple[str, ...]


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


@dataclass
class Hulls:
    """Hulls over a set of phases, one per chemical system, made when first asked for."""

    phases: list[Phase]
    _made: dict[System, PhaseDiagram | str] = field(default_factory=dict)

    def energy(self, composition: Mapping[str, int]) -> float | None:
        """Energy of the hull (eV/atom) at a composition; None where a pure element is missing."""
        diagram = self._diagram(tuple(sorted(composition)))
        if isinstance(diagram, str):
            return None
        return float(diagram.get_hull_energy_per_atom(_pymatgen(composition)))

    def note(self, composition: Mapping[str, int]) -> str | None:
        """Why there is no hull, or that it is known from simpler systems only; else None."""
        system = tuple(sorted(composition))
        diagram = self._diagram(system)
        if isinstance(diagram, str):
            return diagram
        if any(p.system == system for p in self.phases):
            return None
        return f"lower bound: no reference holds all of {', '.join(system)}"

    def missing_elements(self, system: System) -> list[str]:
        """Elements of a system without a phase of their own."""
        return [e for e in system if not any(p.system == (e,) for p in self.phases)]

    def stable(self, system: System) -> set[str]:
        """Identifiers of the phases on the hull of a system; empty where there is no hull."""
        diagram = self._diagram(system)
        return set() if isinstance(diagram, str) else {e.name for e in diagram.stable_entries}

    def _diagram(self, system: System) -> PhaseDiagram | str:
        if system not in self._made:
            self._made[system] = self._make(system)
        return self._made[system]

    def _make(self, system: System) -> PhaseDiagram | str:
        from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram

        missing = self.missing_elements(system)
        if missing:
            return f"no hull: no reference of pure {', '.join(missing)}"
        inside = [p for p in self.phases if set(p.system) <= set(system)]
        return PhaseDiagram(
            [PDEntry(c := _pymatgen(p.composition), p.energy * c.num_atoms, name=p.id) for p in inside]
        )


def hull_table(candidates: pl.DataFrame, references: pl.DataFrame) -> pl.DataFrame:
    """Energies above the hulls (eV/atom) of all candidates and references: `SCHEMA`.

    Both tables have `id`, `numbers`, `energy_per_atom` and `energy_failure`, by one estimator;
    references also `own_energy`, the energy per atom that their source gives (or null).
    Candidates may lie below the references' hull. What is quarantined is kept out of the hulls
    (a reference) or of the combined hull (a candidate), and its note says so.
    """
    suspects = suspect_references(references)
    hulls = Hulls(list(phases(references.filter(~pl.col("id").is_in(sorted(suspects))))))
    rows = [_row(r, "candidate", hulls) for r in candidates.iter_rows(named=True)]
    rows += [_row(r, "reference", hulls, suspects.get(r["id"])) for r in references.iter_rows(named=True)]
    first = {k: v for k, v in SCHEMA.items() if k != "e_above_hull_combined"}
    found = pl.DataFrame(rows, schema=first, orient="row")
    return _with_combined(found, candidates, references)


def with_energies(structures: pl.DataFrame, energies: pl.DataFrame) -> pl.DataFrame:
    """Join structures with the estimator's energies; a reference's own energy is `own_energy`."""
    own = pl.col("energy_per_atom") if "energy_per_atom" in structures.columns else pl.lit(None)
    source = pl.col("source") if "source" in structures.columns else pl.lit(None, dtype=pl.String())
    return structures.select(
        "id", "numbers", own.cast(pl.Float64).alias("own_energy"), source.alias("source")
    ).join(
        energies.select("id", "energy_per_atom", "energy_failure"),
        on="id",
        how="left",
        maintain_order="left",
    )


def suspect_references(references: pl.DataFrame) -> dict[str, str]:
    """References that the estimator gets absurdly wrong, with the reason."""
    known = references.filter(pl.col("energy_per_atom").is_finite() & pl.col("own_energy").is_finite())
    if known.is_empty():
        return {}
    errors = (known["energy_per_atom"] - known["own_energy"]).to_numpy()
    middle = np.median(errors)
    width = OUTLIER_WIDTH * 1.4826 * float(np.median(np.abs(errors - middle)))
    far = np.abs(errors - middle) > max(OUTLIER, width)
    return {
        name: f"quarantined: {error:+.2f} eV/atom from its own energy"
        for name, error in zip(known["id"].to_numpy()[far], errors[far], strict=True)
    }


def phases(rows: pl.DataFrame) -> Iterable[Phase]:
    """Phases of a table's rows that have an energy."""
    for row in rows.iter_rows(named=True):
        energy = row["energy_per_atom"]
        if energy is not None and np.isfinite(energy) and row["numbers"]:
            yield Phase(row["id"], composition_of(row["numbers"]), energy)


def composition_of(numbers: list[int]) -> dict[str, int]:
    """Element symbol -> number of atoms."""
    from ase.data import chemical_symbols

    symbols = [chemical_symbols[z] for z in numbers]
    return {symbol: symbols.count(symbol) for symbol in sorted(set(symbols))}


def _row(row: dict[str, Any], kind: str, hulls: Hulls, suspect: str | None = None) -> tuple[Any, ...]:
    energy = row["energy_per_atom"]
    if energy is None or not np.isfinite(energy):
        return row["id"], kind, None, f"no energy: {row['energy_failure'] or 'no reason given'}"
    composition = composition_of(row["numbers"])
    hull, note = hulls.energy(composition), suspect or hulls.note(composition)
    if hull is None:
        return row["id"], kind, None, note
    above = energy - hull
    if kind == "candidate" and above < -DEEPEST:
        note = f"quarantined: {-above:.2f} eV/atom below the hull; not part of the combined hull"
    return row["id"], kind, above if kind == "candidate" or suspect else max(above, 0.0), note


def _with_combined(found: pl.DataFrame, candidates: pl.DataFrame, references: pl.DataFrame) -> pl.DataFrame:
    """Add the distance to the hull of references and candidates, quarantined ones left out."""
    wanted = ["id", "numbers", "energy_per_atom"]
    everything = pl.concat([candidates.select(wanted), references.select(wanted)])
    quarantined = found["hull_note"].fill_null("").str.starts_with("quarantined")
    hulls = Hulls(list(phases(everything.filter(~quarantined))))
    above = [
        _combined(row, hulls, quarantined=skip)
        for row, skip in zip(everything.iter_rows(named=True), quarantined, strict=True)
    ]
    column = pl.Series("e_above_hull_combined", above, dtype=pl.Float64)
    return found.with_columns(column).select(list(SCHEMA))


def _combined(row: dict[str, Any], hulls: Hulls, *, quarantined: bool) -> float | None:
    energy = row["energy_per_atom"]
    if quarantined or energy is None or not np.isfinite(energy):
        return None
    hull = hulls.energy(composition_of(row["numbers"]))
    return None if hull is None else max(float(energy - hull), 0.0)


def _pymatgen(composition: Mapping[str, int]) -> Composition:
    from pymatgen.core import Composition

    return Composition(dict(composition))
