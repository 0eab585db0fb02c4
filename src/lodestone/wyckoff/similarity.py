"""How much one composition resembles another, and which elements could take which places."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import permutations, product

import numpy as np

from lodestone.wyckoff.elements import features

MOST_ORDERS = 720  # ways to give places to elements that are tried; beyond, the nearest one alone


def composition_distance(a: Mapping[str, int], b: Mapping[str, int]) -> float:
    """Distance of two compositions per primitive cell, 0 for equal ones.

    The root of the squared differences of: the atomic fractions sorted by size (stoichiometry, whatever the
    elements), half the logarithm of the numbers of atoms, and the mean element vector (`elements.py`).
    """
    n_a, n_b = sum(a.values()), sum(b.values())
    size = max(len(a), len(b))
    fractions = np.zeros((2, size))
    for row, (counts, n) in zip(fractions, ((a, n_a), (b, n_b)), strict=True):
        row[: len(counts)] = sorted((k / n for k in counts.values()), reverse=True)
    means = [
        np.sum([k * features(e) for e, k in counts.items()], axis=0) / n for counts, n in ((a, n_a), (b, n_b))
    ]
    return math.sqrt(
        float(((fractions[0] - fractions[1]) ** 2).sum())
        + (0.5 * math.log(n_a / n_b)) ** 2
        + float(((means[0] - means[1]) ** 2).sum())
    )


def replacements(own: Mapping[str, int], asked: Mapping[str, int]) -> Iterator[tuple[dict[str, str], float]]:
    """Ways to replace the elements of one composition by those of another with the same numbers of atoms.

    Yields:
        (element of `asked` for each element of `own`, root mean square distance of their vectors over atoms).
    """
    blocks = []
    for n in sorted(set(own.values())):
        old = sorted(e for e, k in own.items() if k == n)
        new = sorted(e for e, k in asked.items() if k == n)
        blocks.append((old, new))
    ways = math.prod(math.factorial(len(old)) for old, _ in blocks)
    orders = [[_nearest(old, new)] if ways > MOST_ORDERS else list(permutations(new)) for old, new in blocks]
    total = sum(own.values())
    for chosen in product(*orders):
        names = {
            o: n for (old, _), new in zip(blocks, chosen, strict=True) for o, n in zip(old, new, strict=True)
        }
        squares = sum(k * float(((features(e) - features(names[e])) ** 2).sum()) for e, k in own.items())
        yield names, math.sqrt(squares / total)


def _nearest(old: list[str], new: list[str]) -> tuple[str, ...]:
    """The order of `new` with the smallest sum of squared distances to `old`."""
    from scipy.optimize import linear_sum_assignment

    apart = np.array([[((features(a) - features(b)) ** 2).sum() for b in new] for a in old])
    _, columns = linear_sum_assignment(apart)
    return tuple(new[j] for j in columns)
