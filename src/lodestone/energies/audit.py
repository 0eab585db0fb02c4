"""How far the hull itself can be trusted: what it lacks, and how much one source decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from lodestone.energies.hull import Hulls
from lodestone.energies.phases import System, composition_of, phases, suspect_references

UNNAMED = "unnamed"
SCHEMA = {
    "kind": pl.String(),
    "name": pl.String(),
    "references": pl.Int32(),
    "quarantined": pl.Int32(),
    "on_hull": pl.Int32(),
    "missing_elements": pl.String(),
    "lower_bound": pl.Boolean(),
    "compositions": pl.Int32(),
    "compositions_lost": pl.Int32(),
    "mean_shift": pl.Float64(),
    "largest_shift": pl.Float64(),
}


def hull_audit(
    references: pl.DataFrame,
    candidates: pl.DataFrame,
    elements: tuple[str, ...],
    suspects: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """One row per subsystem of the campaign's elements and one per reference source: `SCHEMA`.

    A `subsystem` row counts its references (exactly these elements, with an energy), those in
    quarantine (`suspects`, found here where not given) and those on its hull, names pure elements that
    are missing, and is a `lower_bound` where no reference holds all its elements: a phase nobody knows
    could only push the hull down and candidates up. A `source` row says what leaving that source out
    does to the hull at the candidates' `compositions`: how many lose their hull, and by how much it
    rises in the mean and at most (eV/atom).
    """
    suspects = suspect_references(references) if suspects is None else suspects
    refused = pl.col("id").is_in(list(suspects))
    known = references.filter(~refused).with_columns(pl.col("source").fill_null(UNNAMED))
    kept_out = references.filter(refused).with_columns(pl.col("source").fill_null(UNNAMED))
    hulls = Hulls(list(phases(known)))
    exactly: dict[System, list[str]] = {}
    for phase in hulls.phases:
        exactly.setdefault(phase.system, []).append(phase.id)
    away = Counter(tuple(sorted(composition_of(numbers))) for numbers in kept_out["numbers"])
    rows = [
        _subsystem(hulls, subset, exactly.get(subset, []), away[subset])
        for size in range(1, len(elements) + 1)
        for subset in combinations(sorted(elements), size)
    ]
    names = references["source"].fill_null(UNNAMED)
    wanted = _distinct(candidates)
    full = hulls.energies(wanted)
    for source in sorted(names.unique()):
        without = Hulls(list(phases(known.filter(pl.col("source") != source)))).energies(wanted)
        counted = {
            "name": source,
            "references": int((known["source"] == source).sum()),
            "quarantined": int((kept_out["source"] == source).sum()),
        }
        rows.append(counted | _left_out(full, without))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _subsystem(hulls: Hulls, system: System, exactly: list[str], quarantined: int) -> dict[str, Any]:
    missing = hulls.missing_elements(system)
    return {
        "kind": "subsystem",
        "name": "-".join(system),
        "references": len(exactly),
        "quarantined": quarantined,
        "on_hull": len(hulls.stable(system) & set(exactly)),
        "missing_elements": ", ".join(missing) or None,
        "lower_bound": not exactly,
    }


def _left_out(full: list[float | None], without: list[float | None]) -> dict[str, Any]:
    """What the hull at some compositions does where a source is left out."""
    shifts = [b - a for a, b in zip(full, without, strict=True) if a is not None and b is not None]
    return {
        "kind": "source",
        "compositions": len(full),
        "compositions_lost": sum(a is not None and b is None for a, b in zip(full, without, strict=True)),
        "mean_shift": float(np.mean(shifts)) if shifts else None,
        "largest_shift": float(np.max(shifts)) if shifts else None,
    }


def _distinct(candidates: pl.DataFrame) -> list[dict[str, int]]:
    """Distinct compositions of the candidates that have an energy."""
    found = {tuple(sorted(p.composition.items())) for p in phases(candidates)}
    return [dict(composition) for composition in sorted(found)]
