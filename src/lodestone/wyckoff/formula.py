"""Formulas of primitive cells, such as Li2Co2O4, and the atoms they name."""

from __future__ import annotations

import re
from collections.abc import Mapping

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
