"""Assignments of a formula to the Wyckoff positions of a space group: how many there are, and the best.

An assignment says for every element which positions its atoms occupy; the multiplicities add up to the
formula exactly, and a position without free parameters is occupied once at most, whichever the element.
Counting and ranking are exact for every group and formula; arXiv 2602.17176 solves the
same problem by a beam search.

Ranking is a best-first search whose bound on what is still to come is the exact optimum that the dynamic
programme gives (A* with a perfect heuristic): every prefix that it takes up leads to one of the next best.

The dynamic programme behind them goes through every way to fill Wyckoff positions with the atoms of a
formula. A position with free parameters may hold any number of orbits, so each element fills such positions
as if it were alone: an unbounded knapsack over their multiplicities. A position without free parameters
holds at most one orbit of one element; no space group has more than eight of these. The programme therefore
runs over

    Z(e, used) = Σ_S  w_e(S) · F_e(n_e − m(S)) · Z(e + 1, used ∪ S),     Z(after the last, ·) = 1

with S the subsets of the fixed positions that `used` leaves, m(S) the sum of their multiplicities, w_e(S) the
product of the weights of element e on them, and F_e(n) the sum over multisets of free positions that hold n
atoms. There are at most 256 sets `used`, whatever the formula: nothing has to be approximated. With sums and
products replaced, one programme counts, finds the largest weight and adds all weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush
from itertools import combinations, islice
from typing import Any

from lodestone.wyckoff.groups import NUMBERS, Position, SpaceGroup, space_group
from lodestone.wyckoff.proposals import Orbit, Proposal

Score = Callable[[str, str], float]


@dataclass(frozen=True)
class Semiring:
    """What adding and multiplying mean; `of` turns a log-weight into a value."""

    zero: Any
    one: Any
    plus: Callable[[Any, Any], Any]
    times: Callable[[Any, Any], Any]
    of: Callable[[float], Any]


def _log_add(a: float, b: float) -> float:
    high, low = max(a, b), min(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


COUNT = Semiring(0, 1, lambda a, b: a + b, lambda a, b: a * b, lambda w: int(w > -math.inf))
BEST = Semiring(-math.inf, 0.0, max, lambda a, b: a + b, lambda w: w)
LOG_SUM = Semiring(-math.inf, 0.0, _log_add, lambda a, b: a + b, lambda w: w)


@dataclass(frozen=True)
class Letters:
    """The positions of a group: those without free parameters, those with, and the subsets of the former."""

    fixed: tuple[Position, ...]
    free: tuple[Position, ...]
    subsets: tuple[tuple[int, int], ...]
    """(bit mask, sum of multiplicities) of every subset of `fixed`, smallest subsets first."""


@lru_cache(maxsize=230)
def letters_of(group: SpaceGroup) -> Letters:
    """The positions of a group, sorted for the dynamic programme."""
    fixed = tuple(p for p in group.positions if p.freedom == 0)
    free = tuple(p for p in group.positions if p.freedom > 0)
    chosen = [c for size in range(len(fixed) + 1) for c in combinations(range(len(fixed)), size)]
    subsets = tuple((sum(1 << i for i in c), sum(fixed[i].multiplicity for i in c)) for c in chosen)
    return Letters(fixed, free, subsets)


class Programme:
    """The dynamic programme of a formula in a group over a semiring.

    Args:
        counts: atoms per primitive cell of every element, at least one each.
        group: the space group.
        semiring: what to add up.
        score: the log-weight of an element on a letter; 0 for all if None. −∞ forbids.
        elements: the order in which elements are placed; alphabetical if None.

    Raises:
        ValueError: no element, or one with fewer than one atom; a score of NaN or +∞.
    """

    def __init__(
        self,
        counts: Mapping[str, int],
        group: SpaceGroup,
        semiring: Semiring,
        score: Score | None = None,
        elements: Sequence[str] | None = None,
    ) -> None:
        wrong = {element: n for element, n in counts.items() if n < 1}
        if wrong or not counts:
            raise ValueError(f"a formula needs elements with at least one atom each, not {wrong or counts}")
        self.letters = letters_of(group)
        self.ring = semiring
        self.elements = tuple(sorted(counts) if elements is None else elements)
        self.needed = tuple(counts[element] for element in self.elements)
        self.scores = [
            {p.letter: _checked(score, element, p.letter) for p in group.positions}
            for element in self.elements
        ]
        self.free = [self._free(e) for e in range(len(self.elements))]
        self.choices = [self._choices(e) for e in range(len(self.elements))]
        self._known: dict[tuple[int, int], Any] = {}

    def total(self) -> Any:
        """The value of all assignments together; the semiring's zero if there is none."""
        return self.value(0, 0)

    def value(self, e: int, used: int) -> Any:
        """Z(e, used): the value of all ways to place element e and those after it."""
        if e == len(self.elements):
            return self.ring.one
        key = (e, used)
        if key not in self._known:
            ring, total = self.ring, self.ring.zero
            for mask, rest, weight in self.choices[e]:
                if mask & used:
                    continue
                after = self.value(e + 1, used | mask)
                if after != ring.zero:
                    filled = ring.times(weight, self.free[e][0][rest])
                    total = ring.plus(total, ring.times(filled, after))
            self._known[key] = total
        return self._known[key]

    def _free(self, e: int) -> list[list[Any]]:
        """[i][n]: the value of all multisets of the free positions from the i-th on that hold n atoms."""
        ring, n = self.ring, self.needed[e]
        tables = [[ring.one] + [ring.zero] * n]
        for position in reversed(self.letters.free):
            weight = ring.of(self.scores[e][position.letter])
            table = list(tables[-1])
            if weight != ring.zero:
                for held in range(position.multiplicity, n + 1):
                    one_more = ring.times(table[held - position.multiplicity], weight)
                    table[held] = ring.plus(table[held], one_more)
            tables.append(table)
        return tables[::-1]

    def _choices(self, e: int) -> list[tuple[int, int, Any]]:
        """(mask, atoms left for free positions, weight) of every set of fixed positions of element e."""
        ring, found = self.ring, []
        for mask, multiplicity in self.letters.subsets:
            rest = self.needed[e] - multiplicity
            if rest < 0 or self.free[e][0][rest] == ring.zero:
                continue
            weight = ring.one
            for i, position in enumerate(self.letters.fixed):
                if mask >> i & 1:
                    weight = ring.times(weight, ring.of(self.scores[e][position.letter]))
            if weight != ring.zero:
                found.append((mask, rest, weight))
        return found


def _checked(score: Score | None, element: str, letter: str) -> float:
    value = 0.0 if score is None else float(score(element, letter))
    if math.isnan(value) or value == math.inf:
        raise ValueError(f"the score of {element}:{letter} is {value}; a log-weight below +∞ is needed")
    return value


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
