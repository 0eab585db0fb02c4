"""The end of a structure in double precision, exactly on its subspace."""

from __future__ import annotations

import numpy as np

from lodestone.sampling.symmetric.family import coordinates, family, matrices, root
from lodestone.wyckoff.groups import space_group
from lodestone.wyckoff.proposal import Proposal


def exact_geometry(proposal: Proposal, cell: np.ndarray, frac: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cell (3, 3) in Å and fractional coordinates (n_atoms, 3) within [0, 1) next to given ones.

    Args:
        proposal: whose orbits hold the atoms, in their order.
        cell: symmetric, rows are lattice vectors.
        frac: unwrapped coordinates near the subspace.
    """
    metric = matrices(family(proposal.space_group).average @ coordinates(cell @ cell.T))
    places, first = [], 0
    for orbit in proposal.orbits:
        position = space_group(proposal.space_group).position(orbit.letter)
        mine = slice(first, first + position.multiplicity)
        first += position.multiplicity
        slopes = position.slopes.reshape(3 * position.multiplicity, position.freedom)
        away = (frac[mine] - position.offsets).ravel()
        places.append((slopes @ (np.linalg.pinv(slopes) @ away)).reshape(-1, 3) + position.offsets)
    inside = np.mod(np.concatenate(places), 1.0)
    return root(metric), np.where(inside == 1.0, 0.0, inside)
