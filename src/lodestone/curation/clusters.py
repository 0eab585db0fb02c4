"""Greedy leader clustering of fingerprint vectors, in blocks so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lodestone.curation.fingerprint import distances

BLOCK = 1024  # rows of the distance matrix held at a time


def greedy_leaders(vectors: np.ndarray, threshold: float, same: Callable[[int, int], bool]) -> np.ndarray:
    """For each row the index of its leader (n_structures,); a leader leads itself.

    Rows are taken in order. A row joins the nearest earlier leader within `threshold` for which
    `same(leader, row)` holds, and becomes a leader where there is none. Equal distances go to the
    earlier leader.
    """
    found = np.arange(len(vectors))
    leaders: list[int] = []
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        known = len(leaders)
        to_known = distances(block, vectors[leaders]) if known else np.empty((len(block), 0))
        within = distances(block, block)
        for row in range(len(block)):
            fresh = leaders[known:]
            apart = np.concatenate([to_known[row], within[row, np.asarray(fresh, dtype=int) - start]])
            i = start + row
            leader = next((k for k in _near(apart, leaders, threshold) if same(k, i)), i)
            found[i] = leader
            if leader == i:
                leaders.append(i)
    return found


def nearest_same(apart: np.ndarray, threshold: float, same: Callable[[int], bool]) -> int | None:
    """Index of the nearest entry of `apart` within `threshold` for which `same(index)` holds."""
    return next((k for k in _near(apart, range(len(apart)), threshold) if same(k)), None)


def _near(apart: np.ndarray, names: Sequence[int], threshold: float) -> Iterator[int]:
    """Names of the entries within the threshold, nearest first, ties in order."""
    inside = np.flatnonzero(apart <= threshold)
    for k in inside[np.argsort(apart[inside], kind="stable")]:
        yield int(names[k])
