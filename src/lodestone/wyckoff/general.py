"""Every assignment that the tables allow, with a probability: what `prototypes` has where references end.

    p(g, a | c) = p(g | c) · exp(s(a)) / Z_g

p(g | c) is the frequency of group g among the references, weighted by how near their composition is to c,
over the groups in which c has an assignment; s(a) the sum over orbits of the log-share of such sites that are
occupied in references; Z_g the sum of exp(s) over all assignments in g, which the dynamic
programme gives exactly.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from heapq import heapify, heappop, heapreplace

from lodestone.wyckoff.assignments import Score, log_total, ranked_assignments
from lodestone.wyckoff.groups import Position, SpaceGroup, space_group
from lodestone.wyckoff.normaliser import canonical, equivalents
from lodestone.wyckoff.proposals import Proposal

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


LOOKED_AT = 20  # assignments looked at for each one wanted, as equivalent ones count once


class General:
    """The distribution over all assignments of a composition.

    Args:
        counts: atoms of each element per primitive cell.
        shares: p(g | c) of every group in which the composition has an assignment.
        sites: how often sites are occupied.
    """

    def __init__(
        self, counts: Mapping[str, int], shares: Mapping[int, float], sites: SiteFrequencies
    ) -> None:
        self._counts, self._shares, self._sites = counts, shares, sites
        self._scores: dict[int, Score] = {number: _score(sites, number) for number in shares}

    @cached_property
    def _totals(self) -> dict[int, float]:
        return {g: log_total(self._counts, space_group(g), score) for g, score in self._scores.items()}

    def probability(self, proposal: Proposal) -> float:
        """Of a proposal and all that stand for the same crystals."""
        number = proposal.space_group
        log_weight = sum(self._scores[number](o.element, o.letter) for o in proposal.orbits)
        return self._shares[number] * len(equivalents(proposal)) * math.exp(log_weight - self._totals[number])

    def ranked(self, n: int) -> Iterator[Proposal]:
        """Up to n canonical proposals, by the probability of a single assignment, the largest first.

        At most 20 n assignments are looked at, so that fewer come back where many are equivalent.
        """
        streams = {g: ranked_assignments(self._counts, space_group(g), self._scores[g]) for g in self._shares}
        heap = [(-self._share(g, best), g, best) for g, best in ((g, next(s)) for g, s in streams.items())]
        heapify(heap)
        seen: set[Proposal] = set()
        for _ in range(LOOKED_AT * n):
            if not heap or len(seen) == n:
                return
            _, g, proposal = heap[0]
            following = next(streams[g], None)
            if following is None:
                heappop(heap)
            else:
                heapreplace(heap, (-self._share(g, following), g, following))
            first = replace(canonical(proposal), weight=1.0)
            if first not in seen:
                seen.add(first)
                yield first

    def _share(self, number: int, proposal: Proposal) -> float:
        """Probability of one assignment whose weight is exp(sum of scores)."""
        return self._shares[number] * proposal.weight * math.exp(-self._totals[number])


def _score(sites: SiteFrequencies, number: int) -> Score:
    group = space_group(number)
    by_letter = {p.letter: sites.score(group, p.letter) for p in group.positions}
    return lambda _, letter: by_letter[letter]
