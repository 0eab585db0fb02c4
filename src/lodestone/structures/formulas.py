"""Formulas of primitive cells, such as Li2Co2O4, and the atoms they name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

ALLOWED = (
    "formulas of all elements of the chemical system, atoms of a primitive cell, e.g. [LiCoO2, Li2Co2O4]"
)
PART = re.compile(r"([A-Z][a-z]?)(\d*)")


def formula_of(counts: Mapping[str, int]) -> str:
    """The formula of the primitive cell, in the order given, with ones: Li1Co1O2."""
    return "".join(f"{element}{n}" for element, n in counts.items())


def counts_of(formula: str) -> dict[str, int]:
    """Atoms of each element of a formula such as Li2Co2O4 or LiCoO2.

    Raises:
        ValueError: it is no plain formula, or names an element twice or with no atom.
    """
    parts = PART.findall(formula)
    counts = {element: int(n or 1) for element, n in parts}
    whole = "".join(element + n for element, n in parts) == formula
    if not (parts and whole and len(counts) == len(parts) and all(counts.values())):
        raise ValueError(
            f"{formula!r} is no formula such as Li2Co2O4, each element once and without brackets"
        )
    return counts


def asked(
    formulas: Sequence[str] | None, composition: Mapping[str, int] | None, formula_units: Sequence[int]
) -> list[dict[str, int]]:
    """Atoms per primitive cell of each composition that a sampler is asked for.

    Those of its own `formulas`, else `composition` in each of the `formula_units`.
    """
    if formulas:
        return [counts_of(formula) for formula in formulas]
    return [{e: n * z for e, n in composition.items()} for z in formula_units] if composition else []


def faults_of_formulas(
    formulas: Sequence[str] | None,
    elements: Sequence[str],
    composition: Mapping[str, int] | None,
    most_atoms: int,
) -> list[tuple[int | None, str, str]]:
    """Index of the formula (None: of none), what is wrong and what is allowed."""
    if not formulas:
        if composition:
            return []
        return [(None, "no formula is asked for", f"{ALLOWED}; or sampling.composition")]
    found: list[tuple[int | None, str, str]] = []
    for i, formula in enumerate(formulas):
        try:
            own = counts_of(formula)
        except ValueError as error:
            found.append((i, str(error), ALLOWED))
            continue
        if wrong := _wrong(own, elements, most_atoms):
            found.append((i, f"{formula} {wrong}", ALLOWED))
    return found


def _wrong(own: Mapping[str, Any], elements: Sequence[str], most_atoms: int) -> str | None:
    if set(own) != set(elements):
        return f"is not of {', '.join(elements)}"
    total = sum(own.values())
    return f"has {total} atoms, more than {most_atoms}" if total > most_atoms else None
