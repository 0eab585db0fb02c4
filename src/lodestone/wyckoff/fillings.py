"""The dynamic programme behind assignments: every way to fill Wyckoff positions with the atoms of a formula.

A position with free parameters may hold any number of orbits, so each element fills such positions as if it
were alone: an unbounded knapsack over their multiplicities. A position without free parameters holds at most
one orbit of one element; no space group has more than eight of these. The programme therefore runs over

    Z(e, used) = Σ_S  w_e(S) · F_e(n_e − m(S)) · Z(e + 1, used ∪ S),     Z(after the last, ·) = 1

with S the subsets of the fixed positions that `used` leaves, m(S) the sum of their multiplicities, w_e(S) the
product of the weights of element e on them, and F_e(n) the sum over multisets of free positions that hold n
atoms. There are at most 256 sets `used`, whatever the formula: nothing has to be approximated. With sums and
products replaced, one programme counts, finds the largest weight and adds all weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

from lodestone.wyckoff.groups import Position, SpaceGroup

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
