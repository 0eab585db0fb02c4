"""Ratios to the package's own calculator, first calls and the large hull, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.shared.pages import Place, Result, table


def tables(result: Result) -> str:
    """Ratios by model and mix, what a first call costs, and the large hull."""
    return "\n\n".join([_ratios(result), _first_calls(result), _hull(result["hull"])])


def _ratios(result: dict[str, Any]) -> str:
    head = [
        "model", "sizes", "atoms", "one by one, ms", "energies, ms", "one by one / energies", "wall",
        "with forces, ms", "one by one / with forces", "apart: energy, eV/atom", "forces, eV/Å", "goal",
    ]  # fmt: skip
    rows = []
    for row in result["rows"]:
        seconds, ratios, apart = row["seconds"], row["ratios"], row["apart"]
        each = {name: f"{1000 * s['cpu'] / result['structures']:.2f}" for name, s in seconds.items()}
        rows.append([
            row["model"], row["mix"], f"{row['atoms']:,}", each["one_by_one"], each["energies"],
            _interval(ratios["energies"]["cpu"]), _interval(ratios["energies"]["wall"]), each["forces"],
            _interval(ratios["forces"]["cpu"]), f"{apart['energies']['energy']:.1g}",
            f"{apart['forces']['forces']:.1g}", "met" if row["met"] else "missed",
        ])  # fmt: skip
    return (
        f"{result['structures']} structures per mix, `batch_size: {result['batch_size']}`, medians of "
        f"{result['repeats']} repeats; ms are CPU time per structure, ratios of CPU time unless they say "
        f"wall. Goal: energies ≥ {result['goal']:g} times as fast, equal to {result['tolerance']:g}.\n\n"
        + table(head, rows)
    )


def _first_calls(result: dict[str, Any]) -> str:
    head = ["first call, CPU s (compiling)", "sizes", "one by one", "energies", "with forces"]
    rows = [
        [row["model"], row["mix"], *(f"{row['seconds'][n]['first_cpu']:.1f}" for n in
                                     ("one_by_one", "energies", "forces"))]
        for row in result["rows"]
    ]  # fmt: skip
    return table(head, rows)


def _hull(found: dict[str, Any]) -> str:
    return (
        f"Hull of a made-up quaternary: {found['references']:,} references and {found['candidates']:,} "
        f"candidates, quarantine and the combined hull included: {found['cpu']:.1f} s of CPU time. "
        f"pymatgen's own hull of the same references takes {found['theirs_build']:.1f} s to build and "
        f"{1000 * found['theirs_each']:.2f} ms per composition, ours {1e6 * found['ours_each']:.0f} µs; the "
        f"energies of {found['compared']} compositions differ by {found['apart']:.1g} eV/atom at most."
    )


def _interval(values: Sequence[float]) -> str:
    return "{:.2f} ({:.2f} to {:.2f})".format(*values)


PLACES = (Place("energies", "benchmarks.md", tables),)
