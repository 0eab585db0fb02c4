"""Energy above the convex hull of the references, and of references and candidates together.

The hull is pymatgen's PhaseDiagram, one per chemical system that is asked for: a pure element that
is missing from the references then disables the compositions that contain it, and no others. The
hull's energy at a composition x is the largest of the planes through its facets, max_f μ_f · x,
since a convex function is the supremum of the planes that touch it from below: one matrix product
for all compositions of a system. μ_f are the chemical potentials of the elements (eV/atom).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.energies.phases import (
    QUARANTINED,
    Phase,
    Reduced,
    System,
    composition_of,
    phases,
    reduced,
    suspect_references,
)

if TYPE_CHECKING:
    from pymatgen.analysis.phase_diagram import PhaseDiagram
    from pymatgen.core import Composition

__all__ = [
    "DEEPEST",
    "Hulls",
    "Phase",
    "System",
    "composition_of",
    "hull_table",
    "phases",
    "suspect_references",
    "with_energies",
]
DEEPEST = 1.0  # eV/atom; a candidate further below the references' hull has found a hole in the model
SINGULAR = 1e10  # condition of a facet's compositions from which on its plane is rounding error
SCHEMA = {
    "id": pl.String(),
    "kind": pl.String(),
    Col.E_ABOVE_HULL: pl.Float64(),
    Col.E_ABOVE_HULL_COMBINED: pl.Float64(),
    Col.HULL_NOTE: pl.String(),
}


@dataclass
class Hulls:
    """Hulls over a set of phases, one per chemical system, made when first asked for."""

    phases: list[Phase]
    _made: dict[System, PhaseDiagram | str] = field(default_factory=dict)
    _planes: dict[System, np.ndarray] = field(default_factory=dict)

    def energy(self, composition: Mapping[str, int]) -> float | None:
        """Energy of the hull (eV/atom) at a composition; None where a pure element is missing."""
        return self.energies([composition])[0]

    def energies(self, compositions: Sequence[Mapping[str, int]]) -> list[float | None]:
        """`energy` of many compositions."""
        found: list[float | None] = [None] * len(compositions)
        by_system: dict[System, list[int]] = defaultdict(list)
        for i, composition in enumerate(compositions):
            by_system[tuple(sorted(composition))].append(i)
        for system, members in by_system.items():
            if isinstance(self._diagram(system), str):
                continue
            counts = np.array([[compositions[i][e] for e in system] for i in members], dtype=float)
            at = counts / counts.sum(axis=1, keepdims=True)
            for i, energy in zip(members, (at @ self._potentials(system).T).max(axis=1), strict=True):
                found[i] = float(energy)
        return found

    def note(self, composition: Mapping[str, int]) -> str | None:
        """Why there is no hull, or that it is known from simpler systems only; else None."""
        system = tuple(sorted(composition))
        diagram = self._diagram(system)
        if isinstance(diagram, str):
            return diagram
        if system in self._lowest:
            return None
        return f"lower bound: no reference holds all of {', '.join(system)}"

    def missing_elements(self, system: System) -> list[str]:
        """Elements of a system without a phase of their own."""
        return [element for element in system if (element,) not in self._lowest]

    def stable(self, system: System) -> set[str]:
        """Identifiers of the phases on the hull of a system; empty where there is no hull."""
        diagram = self._diagram(system)
        return set() if isinstance(diagram, str) else {e.name for e in diagram.stable_entries}

    @cached_property
    def _lowest(self) -> dict[System, list[Phase]]:
        """The lowest phase of every formula, by system: no other can be a vertex of a hull."""
        best: dict[Reduced, Phase] = {}
        for phase in self.phases:
            key = reduced(phase.composition)
            known = best.get(key)
            if known is None or (phase.energy, phase.id) < (known.energy, known.id):
                best[key] = phase
        found: dict[System, list[Phase]] = defaultdict(list)
        for phase in best.values():
            found[phase.system].append(phase)
        return dict(found)

    def _diagram(self, system: System) -> PhaseDiagram | str:
        if system not in self._made:
            self._made[system] = self._make(system)
        return self._made[system]

    def _make(self, system: System) -> PhaseDiagram | str:
        from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram

        if not system:  # a structure that could not be read has its row all the same
            return "no hull: no atoms"
        missing = self.missing_elements(system)
        if missing:
            return f"no hull: no reference of pure {', '.join(missing)}"
        inside = [p for part, those in self._lowest.items() if set(part) <= set(system) for p in those]
        return PhaseDiagram(
            [PDEntry(c := _pymatgen(p.composition), p.energy * c.num_atoms, name=p.id) for p in inside]
        )

    def _potentials(self, system: System) -> np.ndarray:
        """Chemical potentials (eV/atom) of the facets of a system's hull, (n_facets, n_elements)."""
        if system not in self._planes:
            diagram = self._diagram(system)
            assert not isinstance(diagram, str)
            self._planes[system] = _facets(diagram, system)
        return self._planes[system]


def hull_table(
    candidates: pl.DataFrame, references: pl.DataFrame, suspects: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """Energies above the hulls (eV/atom) of all candidates and references: `SCHEMA`.

    Both tables have `id`, `numbers`, `energy_per_atom` and `energy_failure`, by one estimator;
    references also `own_energy`, the energy per atom that their source gives (or null). `suspects`
    are the quarantined references with their reasons, where the caller knows them.
    Candidates may lie below the references' hull. What is quarantined is kept out of the hulls
    (a reference) or of the combined hull (a candidate), and its note says so.
    """
    suspects = suspect_references(references) if suspects is None else suspects
    hulls = Hulls(list(phases(references.filter(~pl.col("id").is_in(list(suspects))))))
    rows = [*_rows(candidates, "candidate", hulls, {}), *_rows(references, "reference", hulls, suspects)]
    first = {k: v for k, v in SCHEMA.items() if k != Col.E_ABOVE_HULL_COMBINED}
    found = pl.DataFrame(rows, schema=first, orient="row")
    return _with_combined(found, candidates, references)


def with_energies(structures: pl.DataFrame, energies: pl.DataFrame) -> pl.DataFrame:
    """Join structures with the estimator's energies; a reference's own energy is `own_energy`."""
    own = pl.col(Col.ENERGY_PER_ATOM) if Col.ENERGY_PER_ATOM in structures.columns else pl.lit(None)
    source = pl.col("source") if "source" in structures.columns else pl.lit(None, dtype=pl.String())
    return structures.select(
        "id", "numbers", own.cast(pl.Float64).alias("own_energy"), source.alias("source")
    ).join(
        energies.select("id", Col.ENERGY_PER_ATOM, Col.ENERGY_FAILURE),
        on="id",
        how="left",
        maintain_order="left",
    )


def _rows(
    table: pl.DataFrame, kind: str, hulls: Hulls, suspects: Mapping[str, str]
) -> Iterable[tuple[Any, ...]]:
    compositions = [composition_of(numbers) for numbers in table["numbers"].to_list()]
    columns = table.select("id", Col.ENERGY_PER_ATOM, Col.ENERGY_FAILURE).iter_rows()
    at_hull = hulls.energies(compositions)
    for composition, hull, (name, energy, failure) in zip(compositions, at_hull, columns, strict=True):
        if energy is None or not np.isfinite(energy):
            yield name, kind, None, f"no energy: {failure or 'no reason given'}"
            continue
        suspect = suspects.get(name)
        note = suspect or hulls.note(composition)
        above = None if hull is None else float(energy - hull)
        if kind == "candidate" and above is not None and above < -DEEPEST:
            note = f"{QUARANTINED}: {-above:.2f} eV/atom below the hull; not part of the combined hull"
        elif kind == "reference" and above is not None and not suspect:
            above = max(above, 0.0)
        yield name, kind, above, note


def _with_combined(found: pl.DataFrame, candidates: pl.DataFrame, references: pl.DataFrame) -> pl.DataFrame:
    """Add the distance to the hull of references and candidates, quarantined ones left out."""
    wanted = ["id", "numbers", Col.ENERGY_PER_ATOM]
    everything = pl.concat([candidates.select(wanted), references.select(wanted)])
    believed = ~found[Col.HULL_NOTE].fill_null("").str.starts_with(QUARANTINED)
    hulls = Hulls(list(phases(everything.filter(believed))))
    at_hull = hulls.energies([composition_of(numbers) for numbers in everything["numbers"].to_list()])
    energy, hull = everything[Col.ENERGY_PER_ATOM], pl.Series(at_hull, dtype=pl.Float64)
    above = pl.select(pl.when(believed & energy.is_finite()).then((energy - hull).clip(0.0))).to_series()
    return found.with_columns(above.alias(Col.E_ABOVE_HULL_COMBINED)).select(list(SCHEMA))


def _facets(diagram: PhaseDiagram, system: System) -> np.ndarray:
    """The planes through the facets of a hull, as the energies of the pure elements that they go through."""
    entries = diagram.qhull_entries
    if len(system) == 1:
        return np.array([[min(e.energy_per_atom for e in entries)]])
    facets = np.array(diagram.facets, dtype=int)
    at = np.array([[e.composition.get_atomic_fraction(symbol) for symbol in system] for e in entries])
    energies = np.array([e.energy_per_atom for e in entries])
    regular = np.linalg.cond(at[facets]) < SINGULAR
    planes: np.ndarray = np.linalg.solve(at[facets[regular]], energies[facets[regular]][..., None])[..., 0]
    return planes


def _pymatgen(composition: Mapping[str, int]) -> Composition:
    from pymatgen.core import Composition

    return Composition(dict(composition))
