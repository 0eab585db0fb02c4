"""The clean estimate of a batch as descriptors see it, and its neighbour pairs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MOST_IMAGES = 8  # per direction; a cell that needs more is no crystal yet


@dataclass(frozen=True)
class CleanEstimate:
    """x̂₀ of a batch.

    frac (n_atoms, 3); cell (n_structures, 3, 3) in Å, rows are lattice vectors; types (n_atoms,
    n_species), the probability of each atomic number (column Z - 1); structure_idx (n_atoms,).
    """

    frac: Tensor
    cell: Tensor
    types: Tensor
    structure_idx: Tensor

    @property
    def n_structures(self) -> int:
        """Number of structures in the batch."""
        return len(self.cell)

    @property
    def n_atoms(self) -> Tensor:
        """Atoms of each structure, (n_structures,)."""
        return torch.bincount(self.structure_idx, minlength=self.n_structures)

    def sum_atoms(self, per_atom: Tensor) -> Tensor:
        """Sum a per-atom quantity (n_atoms,) over each structure."""
        zeros = per_atom.new_zeros(self.n_structures)
        return zeros.index_add(0, self.structure_idx, per_atom)


@dataclass(frozen=True)
class Pairs:
    """Directed neighbour pairs: atom indices i, j (n_pairs,) and distances (n_pairs,) in Å."""

    i: Tensor
    j: Tensor
    distance: Tensor


def neighbour_pairs(clean: CleanEstimate, cutoff: float, weight: Tensor | None = None) -> Pairs:
    """Every pair (i, j, image) closer than `cutoff` (Å), self-images included, self excluded.

    The images are exactly those that the cutoff needs in each cell: with the difference of
    fractional coordinates wrapped to [-1/2, 1/2], direction k needs floor(cutoff / h_k + 1/2)
    images either way, h_k the distance of lattice planes. Pairs whose `weight` (n_atoms, 2; of
    i as centre, of j as neighbour) is zero are left out. Structures whose cell is singular or
    needs more than `MOST_IMAGES` have no pairs. Distances are differentiable.
    """
    with torch.no_grad():
        i, j, shift = _candidates(clean, cutoff, weight)
        near = _distance(clean, i, j, shift) < cutoff
        self_pair = (i == j) & (shift == 0).all(dim=1)
        i, j, shift = (x[near & ~self_pair] for x in (i, j, shift))
    return Pairs(i, j, _distance(clean, i, j, shift))


def _distance(clean: CleanEstimate, i: Tensor, j: Tensor, shift: Tensor) -> Tensor:
    difference = clean.frac[j] - clean.frac[i]
    wrapped = difference - torch.round(difference).detach()
    vector = torch.einsum("pk,pkc->pc", wrapped + shift, clean.cell[clean.structure_idx[i]])
    # a tiny offset keeps the gradient finite for atoms on top of each other
    return torch.sqrt((vector**2).sum(dim=1) + 1e-12)


def _candidates(clean: CleanEstimate, cutoff: float, weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    images = _images(clean.cell, cutoff)
    n_atoms, device = clean.n_atoms, clean.cell.device
    starts = torch.cumsum(n_atoms, 0) - n_atoms
    lows, atoms = starts[clean.structure_idx], n_atoms[clean.structure_idx]
    i = torch.repeat_interleave(torch.arange(len(atoms), device=device), atoms)
    j = lows[i] + _ragged_range(atoms)
    usable = (images >= 0).all(dim=1)[clean.structure_idx[i]]
    if weight is not None:
        usable = usable & (weight[i, 0] > 0) & (weight[j, 1] > 0)
    i, j = i[usable], j[usable]
    per_pair = images[clean.structure_idx[i]]
    spans = 2 * per_pair + 1
    counts = spans.prod(dim=1)
    number = _ragged_range(counts)
    pair = torch.repeat_interleave(torch.arange(len(i), device=device), counts)
    a = number // (spans[pair, 1] * spans[pair, 2])
    b = (number // spans[pair, 2]) % spans[pair, 1]
    c = number % spans[pair, 2]
    shift = torch.stack([a, b, c], dim=1) - per_pair[pair]
    return i[pair], j[pair], shift.to(clean.frac.dtype)


def _images(cell: Tensor, cutoff: float) -> Tensor:
    """Images per direction, (n_structures, 3); -1 where the cell is unusable."""
    crosses = torch.linalg.cross(cell[:, [1, 2, 0]], cell[:, [2, 0, 1]])
    volume = torch.linalg.det(cell).abs()
    height = volume[:, None] / torch.linalg.vector_norm(crosses, dim=2)
    images = torch.floor(cutoff / height + 0.5)
    bad = ~torch.isfinite(images) | (images > MOST_IMAGES)
    return torch.where(bad, -1.0, images).long()


def _ragged_range(lengths: Tensor) -> Tensor:
    """Concatenation of arange(n) for every n in `lengths`."""
    ends = torch.cumsum(lengths, 0)
    total = int(ends[-1]) if len(ends) else 0
    return torch.arange(total, device=lengths.device) - torch.repeat_interleave(ends - lengths, lengths)
