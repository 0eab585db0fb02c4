"""The formulas that a sampler is asked to meet exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lodestone.wyckoff.formula import counts_of

if TYPE_CHECKING:
    from lodestone.campaign.sections.sampling import Sampling

ALLOWED = (
    "formulas of all elements of the chemical system, atoms of a primitive cell, e.g. [LiCoO2, Li2Co2O4]"
)


def asked(formulas: Sequence[str] | None, sampling: Sampling) -> list[dict[str, int]]:
    """Atoms per primitive cell of each composition that a sampler is asked for.

    Those of its own `formulas`, else `sampling.composition` in each of its `formula_units`.
    """
    if formulas:
        return [counts_of(formula) for formula in formulas]
    units = sampling.composition or {}
    return [{e: n * z for e, n in units.items()} for z in sampling.formula_units] if units else []


def faults(
    formulas: Sequence[str] | None, elements: Sequence[str], sampling: Sampling, most_atoms: int
) -> list[tuple[int | None, str, str]]:
    """Index of the formula (None: of none), what is wrong and what is allowed."""
    if not formulas:
        if sampling.composition:
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
