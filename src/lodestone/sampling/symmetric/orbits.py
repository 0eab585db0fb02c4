"""The positions of a batch in terms of free parameters, x_j = B_j u + b_j, one u per orbit.

MatterGen's noise on fractional coordinates is white, so the process restricted to an orbit is its orthogonal
projection by P = B B⁺ on the stacked coordinates (3 m,) of its m atoms. Displacements are projected, never
wrapped coordinates: coordinates here are unwrapped, x = B u + b for a real u.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from lodestone.wyckoff.groups import space_group
from lodestone.wyckoff.proposals import Proposal


@dataclass(frozen=True)
class Orbits:
    """The orbits of a batch.

    slopes (n_atoms, 3, 3), the columns of missing parameters zero; offsets (n_atoms, 3); orbit_idx
    (n_atoms,) the orbit of each atom; inverse (n_orbits, 3, 3), the pseudo-inverse of Σ_j B_jᵀ B_j;
    structure_idx (n_orbits,); multiplicity (n_orbits,); first (n_orbits,) an atom of each orbit.
    """

    slopes: Tensor
    offsets: Tensor
    orbit_idx: Tensor
    inverse: Tensor
    structure_idx: Tensor
    multiplicity: Tensor
    first: Tensor

    @property
    def n_orbits(self) -> int:
        """Number of orbits in the batch."""
        return len(self.multiplicity)

    @cached_property
    def members(self) -> list[dict[int, int]]:
        """Of each structure its orbits and their multiplicities, as plain numbers."""
        found: list[dict[int, int]] = [{} for _ in range(int(self.structure_idx.max()) + 1)]
        owners, sizes = self.structure_idx.tolist(), self.multiplicity.tolist()
        for orbit, (owner, size) in enumerate(zip(owners, sizes, strict=True)):
            found[owner][orbit] = size
        return found

    @property
    def freedom(self) -> Tensor:
        """Free parameters of each orbit, (n_orbits,)."""
        return (self.inverse.diagonal(dim1=1, dim2=2) > 0).sum(dim=1).to(self.inverse)

    def parameters(self, displacement: Tensor) -> Tensor:
        """B⁺ of a displacement (n_atoms, 3): the change of every orbit's parameters, (n_orbits, 3)."""
        pulled = torch.einsum("akp,ak->ap", self.slopes, displacement)
        summed = displacement.new_zeros(self.n_orbits, 3).index_add(0, self.orbit_idx, pulled)
        return torch.einsum("opq,oq->op", self.inverse, summed)

    def displacement(self, parameters: Tensor) -> Tensor:
        """B of a change of parameters (n_orbits, 3), (n_atoms, 3)."""
        return torch.einsum("akp,ap->ak", self.slopes, parameters[self.orbit_idx])

    def along(self, displacement: Tensor) -> Tensor:
        """P of a displacement or a score (n_atoms, 3)."""
        return self.displacement(self.parameters(displacement))

    def places(self, parameters: Tensor) -> Tensor:
        """Coordinates B u + b of parameters (n_orbits, 3), unwrapped, (n_atoms, 3)."""
        return self.displacement(parameters) + self.offsets

    def nearest(self, frac: Tensor) -> Tensor:
        """The coordinates in the subspace next to unwrapped ones."""
        return self.places(self.parameters(frac - self.offsets))

    def mean(self, per_atom: Tensor) -> Tensor:
        """Mean over each orbit's atoms of (n_atoms, k), (n_orbits, k)."""
        zeros = per_atom.new_zeros(self.n_orbits, per_atom.shape[1])
        return zeros.index_add(0, self.orbit_idx, per_atom) / self.multiplicity[:, None].to(per_atom)


def orbits_of(proposals: Sequence[Proposal], device: torch.device | str = "cpu") -> Orbits:
    """The orbits of structures with these proposals, in their order; atoms orbit by orbit.

    Raises:
        ValueError: there is no such space group.
        KeyError: a group has no such letter.
    """
    slopes, offsets, inverse, owner = [], [], [], []
    for i, proposal in enumerate(proposals):
        group = space_group(proposal.space_group)
        for orbit in proposal.orbits:
            position = group.position(orbit.letter)
            padded = np.zeros((position.multiplicity, 3, 3))
            padded[:, :, : position.freedom] = position.slopes
            slopes.append(padded)
            offsets.append(position.offsets)
            gram = np.einsum("akp,akq->pq", padded, padded)
            inverse.append(np.linalg.pinv(gram, rcond=1e-10, hermitian=True))
            owner.append(i)
    counts = torch.tensor([len(o) for o in offsets], dtype=torch.long)

    def joined(values: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.concatenate(values)).float().to(device)

    return Orbits(
        slopes=joined(slopes),
        offsets=joined(offsets),
        orbit_idx=torch.repeat_interleave(torch.arange(len(counts)), counts).to(device),
        inverse=torch.from_numpy(np.stack(inverse)).float().to(device),
        structure_idx=torch.tensor(owner, dtype=torch.long).to(device),
        multiplicity=counts.to(device),
        first=(torch.cumsum(counts, 0) - counts).to(device),
    )
