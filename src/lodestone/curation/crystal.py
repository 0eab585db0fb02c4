"""What the functions of curation take: a crystal as plain arrays, and its composition."""

from __future__ import annotations

from collections import Counter
from math import gcd

import numpy as np

Crystal = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Numbers (n_atoms,), cell (3, 3) in Å, fractional coordinates (n_atoms, 3)."""

Composition = tuple[tuple[int, int], ...]
"""Pairs (atomic number, count), by atomic number, counts without a common divisor."""


def composition(numbers: np.ndarray) -> Composition:
    """The reduced composition of atomic numbers (n_atoms,)."""
    counts = Counter(int(z) for z in numbers)
    divisor = gcd(*counts.values()) if counts else 1
    return tuple((z, counts[z] // divisor) for z in sorted(counts))
