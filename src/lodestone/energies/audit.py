"""How far the hull itself can be trusted: what it lacks, and how much one source decides."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from lodestone.energies.hull import Hulls, Phase, System, phases

SCHEMA = {
    "kind": pl.String(),
    "name": pl.String(),
    "references": pl.Int32(),
    "on_hull": pl.Int32(),
    "missing_elements": pl.String(),
    "lower_bound": pl.Boolean(),
    "compositions": pl.Int32(),
    "compositions_lost": pl.Int32(),
    "mean_shift": pl.Float64(),
    "largest_shift": pl.Float64(),
}


def hull_audit(references: pl.DataFrame, candidates: pl.DataFrame, elements: tuple[str, ...]) -> pl.DataFrame:
    """One row per subsystem of the campaign's elements and one per reference source: `SCHEMA`.

    A `subsystem` row counts its references (exactly these elements) and those on its hull, names
    pure elements that are missing, and is a `lower_bound` where no reference holds all its elements:
    a phase nobody knows could only push the hull down and candidates up. A `source` row says what
    leaving that source out does to the hull at the candidates' `compositions`: how many lose their
    hull, and by how much it rises in the mean and at most (eV/atom).
    """
    known = list(phases(references))
    hulls = Hulls(known)
    rows = [
        _subsystem(hulls, subset)
        for size in range(1, len(elements) + 1)
        for subset in combinations(sorted(elements), size)
    ]
    sources = dict(references.select("id", "source").iter_rows())
    wanted = _distinct(candidates)
    rows += [_source(known, sources, source, hulls, wanted) for source in sorted(set(sources.values()))]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _subsystem(hulls: Hulls, system: System) -> dict[str, Any]:
    exactly = [p.id for p in hulls.phases if p.system == system]
    missing = hulls.missing_elements(system)
    return {
        "kind": "subsystem",
        "name": "-".join(system),
        "references": len(exactly),
        "on_hull": len(hulls.stable(system) & set(exactly)),
        "missing_elements": ", ".join(missing) or None,
        "lower_bound": not exactly,
    }


def _source(
    known: list[Phase],
    sources: Mapping[str, str],
    source: str,
    hulls: Hulls,
    compositions: list[dict[str, int]],
) -> dict[str, Any]:
    without = Hulls([p for p in known if sources[p.id] != source])
    shifts, lost = [], 0
    for composition in compositions:
        full, less = hulls.energy(composition), without.energy(composition)
        if full is not None and less is not None:
            shifts.append(less - full)
        elif full is not None:
            lost += 1
    return {
        "kind": "source",
        "name": source,
        "references": sum(s == source for s in sources.values()),
        "compositions": len(compositions),
        "compositions_lost": lost,
        "mean_shift": float(np.mean(shifts)) if shifts else None,
        "largest_shift": float(np.max(shifts)) if shifts else None,
    }


def _distinct(candidates: pl.DataFrame) -> list[dict[str, int]]:
    """Distinct compositions of the candidates that have an energy."""
    found = {tuple(sorted(p.composition.items())) for p in phases(candidates)}
    return [dict(composition) for composition in sorted(found)]
