"""Which neighbours the structure viewer draws: those that a term of a constraint counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lodestone.constraints.pair_term import PairTerm

COUNTING = "coordination"
SHARED = "coordination_distribution"


def bonds_of(constraints: Mapping[str, Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Pair terms of every constraint: label, atomic numbers, cutoff (Å), and the counts that meet the target.

    `constraints` are the settings by name. `spans` are closed intervals of neighbours per centre (open ends
    None); None where the term does not ask for a number of neighbours.
    """
    return {name: list(_pairs(section)) for name, section in constraints.items()}


def elements_of(chemical_system: str) -> dict[str, dict[str, Any]]:
    """Symbol, colour (Jmol's) and covalent radius (Å) of every element, by atomic number."""
    from ase.data import atomic_numbers, covalent_radii
    from ase.data.colors import jmol_colors

    found = {}
    for symbol in chemical_system.split("-"):
        number = atomic_numbers[symbol]
        color = "#" + "".join(f"{round(255 * float(part)):02x}" for part in jmol_colors[number])
        found[str(number)] = {
            "symbol": symbol, "color": color, "radius": round(float(covalent_radii[number]), 2)
        }  # fmt: skip
    return found


def _pairs(section: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    from lodestone.constraints import terms_of

    for term in terms_of(section):
        if isinstance(term, PairTerm):
            center, neighbor = term.numbers
            yield {
                "label": f"{term.neighbor} around {term.center} within {term.resolved_cutoff():g} Å",
                "center": center,
                "neighbor": neighbor,
                "cutoff": term.resolved_cutoff(),
                "asked": term.target.words(),
                "spans": _spans(term, section["satisfied_within"]),
            }


def _spans(term: PairTerm, satisfied_within: float) -> list[tuple[float | None, float | None]] | None:
    """Neighbours that a single centre may have, the tolerance of the mean applied to each."""
    if term.kind == SHARED:
        shares: Sequence[tuple[int, float]] = getattr(term.target, "shares", ())
        return [(float(count), float(count)) for count, _ in shares]
    if term.kind != COUNTING:
        return None
    slack = satisfied_within if term.tolerance is None else term.tolerance
    return [
        (None if low is None else low - slack, None if high is None else high + slack)
        for low, high in term.spans()
    ]
