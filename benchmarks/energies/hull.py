"""A large hull of a quaternary beside pymatgen's own, which is asked composition by composition."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.columns import Col

if TYPE_CHECKING:
    import polars as pl

NUMBERS = (3, 8, 15, 27)  # Li, O, P, Co
COMPARED = 200


def run(references: int, candidates: int) -> dict[str, Any]:
    """CPU seconds of the whole table, and of single compositions by either side."""
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    from lodestone.energies.hull import Hulls, hull_table
    from lodestone.energies.phases import composition_of, phases

    known, asked = made_up(references, "r", 0), made_up(candidates, "c", 1)
    cpu, _ = _timed(lambda: hull_table(asked, known))
    some = [c for c in map(composition_of, asked["numbers"].to_list()) if len(c) == len(NUMBERS)][:COMPARED]
    hulls = Hulls(list(phases(known)))
    hulls.energies(some)
    ours_each, ours = _timed(lambda: hulls.energies(some))
    entries = [
        PDEntry(c := Composition(dict(p.composition)), p.energy * c.num_atoms, name=p.id)
        for p in hulls.phases
    ]
    theirs_build, diagram = _timed(lambda: PhaseDiagram(entries))
    theirs_each, theirs = _timed(lambda: [diagram.get_hull_energy_per_atom(Composition(c)) for c in some])
    return {
        "references": references, "candidates": candidates, "cpu": cpu, "compared": len(some),
        "ours_each": ours_each / len(some), "theirs_each": theirs_each / len(some),
        "theirs_build": theirs_build,
        "apart": float(np.abs(np.array(ours, dtype=float) - np.array(theirs)).max()),
    }  # fmt: skip


def made_up(n: int, name: str, seed: int) -> pl.DataFrame:
    """Structures of one to four elements around -3 eV/atom, deeper the more elements."""
    import polars as pl

    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        chosen = rng.choice(NUMBERS, size=rng.integers(1, 5), replace=False)
        numbers = [int(z) for z in chosen for _ in range(rng.integers(1, 7))]
        rows.append((f"{name}{i}", numbers, -2.4 - 0.6 * len(chosen) + 0.3 * rng.normal()))
    schema = {"id": pl.String(), "numbers": pl.List(pl.Int16()), Col.ENERGY_PER_ATOM: pl.Float64()}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        energy_failure=pl.lit(None, dtype=pl.String()),
        own_energy=pl.lit(None, dtype=pl.Float64()),
        source=pl.lit("made up"),
    )


def _timed(work: Any) -> tuple[float, Any]:
    begin = time.process_time()
    found = work()
    return time.process_time() - begin, found
