"""Which Wyckoff position may come next, so that the formula can still be completed exactly.

An assignment is spelt element by element (in a given order), the letters of each in the order of the tables,
never going back. A letter is allowed if what then remains, of this element and of those after it, can still
be placed: a question that the dynamic programme of `fillings.py` answers exactly. Every word that takes
allowed letters only ends in a legal assignment, and every legal assignment is such a word, in one way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lodestone.wyckoff.fillings import BEST, Programme
from lodestone.wyckoff.groups import SpaceGroup
from lodestone.wyckoff.proposal import Orbit, Proposal


@dataclass(frozen=True)
class Place:
    """How far a word has come: the element that is being placed, its atoms left, and what may still be used.

    `first` is the index of the first position of the group that may come next, `used` the bit mask of the
    positions without free parameters (in the order of `Letters.fixed`) that are occupied.
    """

    element: int
    left: int
    first: int
    used: int


class Masks:
    """The allowed positions of a composition in a space group.

    Args:
        counts: atoms of each element per primitive cell.
        elements: the order in which they are placed.
        group: the space group.
    """

    def __init__(self, counts: Mapping[str, int], elements: Sequence[str], group: SpaceGroup) -> None:
        self.group = group
        self.elements = tuple(elements)
        self._programme = Programme(counts, group, BEST, elements=elements)
        fixed = {p.letter: i for i, p in enumerate(self._programme.letters.fixed)}
        self._bit = [1 << fixed[p.letter] if p.letter in fixed else 0 for p in group.positions]
        self._known: dict[Place, list[int]] = {}

    @property
    def start(self) -> Place:
        """Nothing placed yet."""
        return Place(0, self._programme.needed[0], 0, 0)

    @property
    def possible(self) -> bool:
        """Whether there is any assignment."""
        return bool(self._programme.total() > -math.inf)

    def done(self, place: Place) -> bool:
        """Whether every atom has its position."""
        return place.element == len(self.elements)

    def step(self, place: Place, index: int) -> Place:
        """Where a word stands after the position of this index."""
        left = place.left - self.group.positions[index].multiplicity
        used = place.used | self._bit[index]
        if left:
            return Place(place.element, left, index + bool(self._bit[index]), used)
        following = place.element + 1
        needed = 0 if following == len(self.elements) else self._programme.needed[following]
        return Place(following, needed, 0, used)

    def allowed(self, place: Place) -> list[int]:
        """Indices of the positions that may come next; never empty before the end of a possible word."""
        if place not in self._known:
            self._known[place] = [i for i in range(place.first, len(self._bit)) if self._fits(place, i)]
        return self._known[place]

    def _fits(self, place: Place, index: int) -> bool:
        if self.group.positions[index].multiplicity > place.left or place.used & self._bit[index]:
            return False
        after = self.step(place, index)
        return self.done(after) or self._fillable(after)

    def _fillable(self, place: Place) -> bool:
        """Whether the element's rest has room on the positions from `first` on, and all later elements."""
        programme, earlier = self._programme, sum(self._bit[: place.first])
        free = programme.free[place.element][self._free_before(place.first)]
        for mask, multiplicity in programme.letters.subsets:
            rest = place.left - multiplicity
            if rest < 0 or mask & (place.used | earlier) or free[rest] == -math.inf:
                continue
            if programme.value(place.element + 1, place.used | mask) > -math.inf:
                return True
        return False

    def _free_before(self, first: int) -> int:
        return sum(1 for bit in self._bit[:first] if not bit)


def word(proposal: Proposal, masks: Masks) -> list[int]:
    """The indices of positions that spell a proposal."""
    index = {p.letter: i for i, p in enumerate(masks.group.positions)}
    found = []
    for element in masks.elements:
        found += sorted(index[o.letter] for o in proposal.orbits if o.element == element)
    return found


def proposal_of(indices: Sequence[int], masks: Masks, weight: float) -> Proposal:
    """The proposal that a complete word spells.

    Raises:
        ValueError: the word is not allowed or not complete.
    """
    place, orbits = masks.start, []
    for index in indices:
        if masks.done(place) or index not in masks.allowed(place):
            raise ValueError(f"position {index} of space group {masks.group.number} is not allowed here")
        orbits.append(Orbit(masks.elements[place.element], masks.group.positions[index].letter))
        place = masks.step(place, index)
    if not masks.done(place):
        raise ValueError("the formula is not complete")
    return Proposal(masks.group.number, tuple(sorted(orbits)), weight)
