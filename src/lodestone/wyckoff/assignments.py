"""Assignments of a formula to the Wyckoff positions of a space group: how many there are, and the best.

An assignment says for every element which positions its atoms occupy; the multiplicities add up to the
formula exactly, and a position without free parameters is occupied once at most, whichever the element.
Counting and ranking are exact for every group and formula (see `fillings.py`); arXiv 2602.17176 solves the
same problem by a beam search.

Ranking is a best-first search whose bound on what is still to come is the exact optimum that the dynamic
programme gives (A* with a perfect heuristic): every prefix that it takes up leads to one of the next best.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import islice

from lodestone.wyckoff.fillings import BEST, COUNT, LOG_SUM, Programme, Score
from lodestone.wyckoff.groups import NUMBERS, SpaceGroup, space_group
from lodestone.wyckoff.proposal import Orbit, Proposal

SAME = 9  # decimals of a log-score that decide; sums that differ less are ties
Node = tuple[int, int, int, int]
"""Element, mask of the fixed positions in use, atoms left to place (−1: its fixed positions are still to be
chosen), first free position that may come next."""


def count_assignments(counts: Mapping[str, int], group: SpaceGroup) -> int:
    """How many assignments a formula has in a group.

    Args:
        counts: atoms of each element per primitive cell.
        group: the space group.

    Raises:
        ValueError: no element, or one with fewer than one atom.
    """
    return int(Programme(counts, group, COUNT).total())


def log_total(counts: Mapping[str, int], group: SpaceGroup, score: Score | None = None) -> float:
    """Logarithm of the sum over all assignments of exp(sum of scores); −∞ if there is none.

    exp(sum of scores − log_total) is the probability of an assignment under these scores.
    """
    return float(Programme(counts, group, LOG_SUM, score).total())


def best_assignments(
    counts: Mapping[str, int], group: SpaceGroup, k: int, score: Score | None = None
) -> list[Proposal]:
    """The k assignments with the largest sum of scores over orbits, best first; fewer if there are fewer.

    Exact for every group and formula. Assignments of equal score come in an order that depends on nothing
    but the group and the formula. The weight of a proposal is exp(sum of scores), 1 without scores.

    Args:
        counts: atoms of each element per primitive cell.
        group: the space group.
        k: how many to return.
        score: log-weight of an element (first) on a letter (second); −∞ forbids. All alike if None.

    Raises:
        ValueError: no element, or one with fewer than one atom; a score of NaN or +∞.
    """
    return list(islice(ranked_assignments(counts, group, score), k))


def legal_groups(counts: Mapping[str, int], space_groups: Sequence[int] | None = None) -> list[int]:
    """Those of the space groups (all 230 if None) in which a formula has an assignment, sorted.

    Raises:
        ValueError: no element, or one with fewer than one atom; no such space group.
    """
    asked = NUMBERS if space_groups is None else sorted(set(space_groups))
    return [n for n in asked if Programme(counts, space_group(n), BEST).total() > -math.inf]


def ranked_assignments(
    counts: Mapping[str, int], group: SpaceGroup, score: Score | None = None
) -> Iterator[Proposal]:
    """All assignments, best first, as they are asked for; see `best_assignments`."""
    programme = Programme(counts, group, BEST, score)
    for total, orbits in _search(programme):
        yield Proposal(group.number, orbits, math.exp(min(total, 700.0)))


def _search(programme: Programme) -> Iterator[tuple[float, tuple[Orbit, ...]]]:
    """Sums of scores and orbits, best first."""
    best = programme.total()
    if best == -math.inf:
        return
    # the path is a tuple of choices: among equals, its first in lexicographic order is followed to its end
    heap: list[tuple[float, tuple[int, ...], float, Node]] = []
    heappush(heap, (-round(best, SAME), (), 0.0, (0, 0, -1, 0)))
    while heap:
        _, path, got, node = heappop(heap)
        if node[0] == len(programme.elements):
            yield got, _orbits(programme, path)
            continue
        for choice, gain, child in _children(programme, node):
            bound = got + gain + _bound(programme, child)
            if bound > -math.inf:
                heappush(heap, (-round(bound, SAME), (*path, choice), got + gain, child))


def _children(programme: Programme, node: Node) -> Iterator[tuple[int, float, Node]]:
    """(choice, gain, node) of every next step: the element's fixed positions, or one more free orbit."""
    e, used, left, first = node
    if left < 0:
        for mask, rest, weight in programme.choices[e]:
            if not mask & used:
                yield mask, weight, _placed(e, used | mask, rest, 0)
        return
    for i, position in enumerate(programme.letters.free[first:], start=first):
        if position.multiplicity <= left:
            gain = programme.scores[e][position.letter]
            yield i, gain, _placed(e, used, left - position.multiplicity, i)


def _placed(e: int, used: int, left: int, first: int) -> Node:
    return (e + 1, used, -1, 0) if left == 0 else (e, used, left, first)


def _bound(programme: Programme, node: Node) -> float:
    """The largest sum of scores of what is still to be placed."""
    e, used, left, first = node
    if left < 0:
        return float(programme.value(e, used))
    return float(programme.free[e][first][left] + programme.value(e + 1, used))


def _orbits(programme: Programme, path: tuple[int, ...]) -> tuple[Orbit, ...]:
    """The orbits that a complete path of choices stands for, sorted."""
    fixed, free = programme.letters.fixed, programme.letters.free
    orbits, steps = [], iter(path)
    for element, needed in zip(programme.elements, programme.needed, strict=True):
        mask = next(steps)
        held = [p for i, p in enumerate(fixed) if mask >> i & 1]
        left = needed - sum(p.multiplicity for p in held)
        while left:
            held.append(free[next(steps)])
            left -= held[-1].multiplicity
        orbits += [Orbit(element, p.letter) for p in held]
    return tuple(sorted(orbits))
