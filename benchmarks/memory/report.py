"""Peaks by estimator and number of atoms, and bytes per bond, as tables."""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks.shared.pages import Place, Result, table


def tables(result: Result) -> str:
    """The peaks, and what they say about larger structures."""
    sizes = sorted({row["atoms"] for row in result["rows"]})
    cases = list(dict.fromkeys(row["case"] for row in result["rows"]))
    by = {(row["case"], row["atoms"]): row for row in result["rows"]}
    head = ["most memory of the process, GB: with forces (energies alone)", *(f"{n} atoms" for n in sizes)]
    rows = [[case, *(_peaks(by[case, n]) for n in sizes)] for case in cases]
    energies = [
        abs(by[cases[0], n][how]["energy"] - by[cases[1], n][how]["energy"])
        for n in sizes
        for how in ("evaluate", "energy_only")
    ]
    each = [
        f"{case}: {_per_bond(result, case, 'evaluate')} kB per padded bond with forces, "
        f"{_per_bond(result, case, 'energy_only')} kB for energies alone"
        for case in cases
        if "per_bond" in by[case, sizes[0]]["evaluate"]
    ]
    return (
        f"{table(head, rows)}\n\n{result['volume']:g} Å³ per atom. Energies in the two ways of padding "
        f"differ by {max(energies):.1g} eV/atom at most. {'. '.join(each)}."
    )


def _peaks(row: dict[str, Any]) -> str:
    return f"{row['evaluate']['peak'] / 1e9:.2f} ({row['energy_only']['peak'] / 1e9:.2f})"


def _per_bond(result: Result, case: str, how: str) -> str:
    found = [row[how]["per_bond"] for row in result["rows"] if row["case"] == case]
    return f"{median(found) / 1e3:.1f}" if None not in found else "unknown"


PLACES = (Place("memory", "scaling.md", tables),)
