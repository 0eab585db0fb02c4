"""How often references occupy a Wyckoff position, by its site symmetry: scores for every assignment."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from lodestone.wyckoff.groups import Position, SpaceGroup, space_group
from lodestone.wyckoff.proposal import Proposal

SiteClass = tuple[int, int]
"""Order of the site symmetry group, and free parameters."""
PSEUDO = 0.5  # occupations and vacancies added to each class: what was never seen stays possible


class SiteFrequencies:
    """The share of Wyckoff positions of a class that references occupy, Laplace-smoothed.

    A position counts as open to an element where it holds no more atoms than the element has. The logarithm
    of the share is the score of every orbit on it, so that few orbits on often occupied sites score best.
    """

    def __init__(self, proposals: Iterable[Proposal]) -> None:
        taken, open_ = Counter[SiteClass](), Counter[SiteClass]()
        for proposal in proposals:
            group, counts = space_group(proposal.space_group), proposal.counts
            for position in group.positions:
                fits = sum(position.multiplicity <= n for n in counts.values())
                open_[site_class(group, position)] += fits
            for orbit in proposal.orbits:
                taken[site_class(group, group.position(orbit.letter))] += 1
        self._taken, self._open = taken, open_

    def score(self, group: SpaceGroup, letter: str) -> float:
        """Log-share of the positions of this kind that are occupied, below 0."""
        kind = site_class(group, group.position(letter))
        taken, available = self._taken[kind], max(self._open[kind], self._taken[kind])
        return math.log((taken + PSEUDO) / (available + 2 * PSEUDO))


def site_class(group: SpaceGroup, position: Position) -> SiteClass:
    """The class of a position: operations that keep its points, per lattice point, and free parameters."""
    return len(group.rotations) // position.multiplicity, position.freedom
