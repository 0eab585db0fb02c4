"""The space group that a proposal has in general, which can be higher than the one it names."""

from __future__ import annotations

from collections import Counter

import numpy as np

from lodestone.sampling.symmetric.lattice_family import coordinates, family, matrices, root
from lodestone.structures.elements import ELEMENTS
from lodestone.wyckoff.groups import space_group
from lodestone.wyckoff.proposals import Proposal
from lodestone.wyckoff.verification import found_group

TRIALS, EDGE, SHEAR = 5, 3.0, 0.5  # structures; Å per cube root of the number of atoms; share of the edge


def generic_group(proposal: Proposal, seed: int = 0) -> int | None:
    """The space group of crystals with random parameters and lattices of a proposal; None: of none.

    Where only special positions are occupied, no choice of parameters may be without further symmetry: LiCoO2
    on the positions a, b and c of R-3 is R-3m always. The group found most often among a few random crystals.
    """
    rng = np.random.default_rng(seed)
    found = Counter(found_group(*random_crystal(proposal, rng)) for _ in range(TRIALS))
    group, _ = found.most_common(1)[0]
    return group


def random_crystal(proposal: Proposal, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Atomic numbers, cell (3, 3) in Å and fractional coordinates with random parameters and lattice."""
    group = space_group(proposal.space_group)
    positions = [group.position(orbit.letter) for orbit in proposal.orbits]
    frac = np.concatenate([p.slopes @ rng.random(p.freedom) + p.offsets for p in positions])
    numbers = [ELEMENTS.index(o.element) + 1 for o in proposal.orbits]
    shape = np.eye(3) + SHEAR * rng.normal(size=(3, 3))
    metric = matrices(family(proposal.space_group).average @ coordinates(shape @ shape.T))
    cell = root(metric)
    cell *= EDGE * (len(frac) / np.linalg.det(cell)) ** (1 / 3)
    return np.repeat(numbers, [p.multiplicity for p in positions]), cell, np.mod(frac, 1.0)
