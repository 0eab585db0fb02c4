"""The quota: how many atoms of each element a formula still needs, and what an orbit may become.

An element may be chosen for an orbit only if the orbits that are left can still take up exactly what is then
left of the formula. The question is an exact one (bin packing with bins that must be full), answered by a
memoised search; with the few dozen atoms of a primitive cell it is small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache


def choices(orbit: int, others: Sequence[int], left: Mapping[str, int]) -> list[str]:
    """The elements that an orbit may become, sorted.

    Args:
        orbit: its multiplicity.
        others: multiplicities of the other orbits whose element is open.
        left: atoms of each element that are not placed yet.
    """
    return [
        element
        for element, atoms in sorted(left.items())
        if atoms >= orbit and fits(others, {**left, element: atoms - orbit})
    ]


def fits(orbits: Sequence[int], left: Mapping[str, int]) -> bool:
    """Whether orbits of these multiplicities can be given elements so that they place exactly `left`."""
    bins = tuple(sorted(atoms for atoms in left.values() if atoms))
    return sum(orbits) == sum(bins) and _full(tuple(sorted(orbits)), bins)


@lru_cache(maxsize=100_000)
def _full(orbits: tuple[int, ...], bins: tuple[int, ...]) -> bool:
    """Whether sorted orbits fill sorted bins; the largest orbit is placed first."""
    if not orbits:
        return not bins
    *rest, largest = orbits
    tried = {atoms for atoms in bins if atoms >= largest}
    for atoms in sorted(tried):
        after = list(bins)
        after.remove(atoms)
        if atoms > largest:
            after.append(atoms - largest)
        if _full(tuple(rest), tuple(sorted(after))):
            return True
    return False
