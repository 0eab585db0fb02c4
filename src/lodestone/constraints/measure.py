"""The hard check: what a finished structure is worth under a constraint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lodestone.constraints.distances import combine, scalar_distance

if TYPE_CHECKING:
    import numpy as np

    from lodestone.constraints.term import Term


@dataclass(frozen=True)
class Measurement:
    """Values in the order of the terms (None: not defined), loss, and whether all terms are met."""

    values: list[float | None]
    loss: float | None
    satisfied: bool


def measure(
    terms: Sequence[Term],
    power: float,
    satisfied_within: float,
    numbers: np.ndarray,
    cell: np.ndarray,
    frac: np.ndarray,
) -> Measurement:
    """Measure one structure: numbers (n_atoms,), cell (3, 3) in Å, frac (n_atoms, 3).

    A value that is not defined (no such element, broken cell) makes the loss undefined and the
    constraint not satisfied. Never raises for an odd structure.
    """
    values = [term.hard(numbers, cell, frac) for term in terms]
    known = [v for v in values if v is not None]
    if len(known) < len(values):
        return Measurement(values, None, satisfied=False)
    gaps = [t.gap(v) for v, t in zip(known, terms, strict=True)]
    losses = [scalar_distance(g, t.distance, t.delta) for g, t in zip(gaps, terms, strict=True)]
    loss = float(combine(losses, [t.weight for t in terms], power))
    met = (
        abs(g) <= (t.tolerance if t.tolerance is not None else satisfied_within) + 1e-9
        for g, t in zip(gaps, terms, strict=True)
    )
    return Measurement(values, loss, satisfied=all(met))
