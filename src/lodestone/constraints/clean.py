"""The clean estimate of a batch as descriptors see it, and its neighbour pairs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MOST_IMAGES = 8  # per direction; a cell that needs more is no crystal yet
CHUNK = 1_000_000  # candidates looked at at once, some 200 bytes each
WIDENING, LOOKS = 1.6, 4
ROUNDING = 1e-4  # of a plane distance; the exact test of distances follows


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

    Pairs whose `weight` (n_atoms, 2; of i as centre, of j as neighbour) is zero are left out.
    Structures whose cell is singular or needs more than `MOST_IMAGES` images have no pairs.
    Distances are differentiable.

    The images are exactly those that a pair needs: with r_k the cutoff over the distance h_k of the
    lattice planes, an image s can only be near where |f_k + s_k| <= r_k in every direction k (f the
    difference of fractional coordinates). Every pair is looked at once and mirrored, structures in
    chunks of at most about `CHUNK` candidates.
    """
    with torch.no_grad():
        reach = _reach(clean.cell, cutoff)
        active = torch.isfinite(reach).all(dim=1)[clean.structure_idx]
        if weight is not None:
            active = active & (weight > 0).any(dim=1)
        atoms = active.nonzero()[:, 0]
        counts = torch.bincount(clean.structure_idx[atoms], minlength=clean.n_structures)
        found = [_near(clean, chunk, reach, cutoff, weight) for chunk in _chunks(atoms, counts, reach)]
        empty = atoms.new_empty(0)
        none = (empty, empty, clean.frac.new_empty(0, 3))
        i, j, shift = (torch.cat(parts) for parts in zip(none, *found, strict=True))
    return Pairs(i, j, _distance(clean, i, j, shift))


def pairs_of_all(clean: CleanEstimate, cutoff: float, weight: Tensor | None = None) -> Pairs:
    """`neighbour_pairs`; where a structure has none, those within the first wider cutoff with any.

    So that atoms too far apart for a bond can still be drawn together. The cutoff widens up to
    `WIDENING ** LOOKS`-fold; a structure that could not have such a pair is not looked at again.
    """
    if weight is None:
        weight = torch.ones(len(clean.frac), 2, device=clean.frac.device, dtype=clean.frac.dtype)
    found = [neighbour_pairs(clean, cutoff, weight)]
    lacking = torch.stack([clean.sum_atoms(weight[:, k]) > 0 for k in (0, 1)]).all(dim=0)
    for look in range(1, LOOKS + 1):
        lacking = lacking.index_fill(0, clean.structure_idx[found[-1].i], 0)
        if not lacking.any():
            break
        left = weight * lacking[clean.structure_idx, None]
        found.append(neighbour_pairs(clean, cutoff * WIDENING**look, left))
    return Pairs(*(torch.cat([getattr(part, name) for part in found]) for name in ("i", "j", "distance")))


def _distance(clean: CleanEstimate, i: Tensor, j: Tensor, shift: Tensor) -> Tensor:
    difference = clean.frac.index_select(0, j) - clean.frac.index_select(0, i) + shift
    vector = _cartesian(difference, clean.cell.index_select(0, clean.structure_idx[i]))
    # a tiny offset keeps the gradient finite for atoms on top of each other
    return torch.sqrt((vector**2).sum(dim=1) + 1e-12)


def _reach(cell: Tensor, cutoff: float) -> Tensor:
    """Cutoff over the distance of lattice planes, (n_structures, 3); infinite in unusable cells."""
    crosses = torch.linalg.cross(cell[:, [1, 2, 0]], cell[:, [2, 0, 1]])
    volume = torch.linalg.det(cell).abs()
    reach = cutoff * torch.linalg.vector_norm(crosses, dim=2) / volume[:, None]
    usable = torch.isfinite(reach) & (reach < MOST_IMAGES + 0.5)
    return torch.where(usable, reach + ROUNDING, torch.inf)


def _chunks(atoms: Tensor, counts: Tensor, reach: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Atoms and their number per structure, in pieces whose candidates fit into memory."""
    images = torch.where(torch.isfinite(reach), 2 * reach + 1, 0.0).prod(dim=1)
    number = (torch.cumsum(counts**2 * images.double() / 2, 0) / CHUNK).long()
    _, structures = torch.unique_consecutive(number, return_counts=True)
    pieces = counts.split(structures.tolist())
    sizes = [int(piece.sum()) for piece in pieces]
    return list(zip(atoms.split(sizes), pieces, strict=True))


def _near(
    clean: CleanEstimate,
    chunk: tuple[Tensor, Tensor],
    reach: Tensor,
    cutoff: float,
    weight: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Directed pairs of a chunk: i, j and the whole cells (n_pairs, 3) between them."""
    i, j, once = _partners(clean, chunk, weight)
    structure = clean.structure_idx[i]
    difference = clean.frac.index_select(0, j) - clean.frac.index_select(0, i)
    radius = reach.index_select(0, structure)
    low = torch.ceil(-radius - difference)
    spans = torch.floor(radius - difference).sub_(low).add_(1).clamp_min_(0)
    images = spans.prod(dim=1).long()
    pair = torch.repeat_interleave(images)
    number, spans = _ragged_range(images), spans.index_select(0, pair).long()
    tens = torch.div(number, spans[:, 2], rounding_mode="floor")
    steps = [torch.div(tens, spans[:, 1], rounding_mode="floor"), tens % spans[:, 1], number % spans[:, 2]]
    shift = low.index_select(0, pair) + torch.stack(steps, dim=1)
    place = difference.index_select(0, pair) + shift
    vector = _cartesian(place, clean.cell.index_select(0, structure[pair]))
    near = ((vector * vector).sum(dim=1) < cutoff**2).nonzero()[:, 0]
    i, j, shift = i[pair[near]], j[pair[near]], shift[near]
    if not once:
        return i, j, shift
    other = ((i != j) | (shift != 0).any(dim=1)).nonzero()[:, 0]
    i, j, shift = i[other], j[other], shift[other]
    apart = (i != j).nonzero()[:, 0]  # images of an atom itself are there in both directions already
    i, j, shift = (
        torch.cat([i, j[apart]]),
        torch.cat([j, i[apart]]),
        torch.cat([shift, -shift[apart]]),
    )
    if weight is None:
        return i, j, shift
    wanted = ((weight[i, 0] > 0) & (weight[j, 1] > 0)).nonzero()[:, 0]
    return i[wanted], j[wanted], shift[wanted]


def _partners(
    clean: CleanEstimate, chunk: tuple[Tensor, Tensor], weight: Tensor | None
) -> tuple[Tensor, Tensor, bool]:
    """Pairs i, j of atoms of one structure, and whether each stands there once for both directions.

    Where no atom is both centre and neighbour, every centre meets every neighbour and no pair has a
    second direction.
    """
    atoms, counts = chunk
    if weight is not None:
        center, neighbor = (weight[atoms, k] > 0 for k in (0, 1))
        if not bool((center & neighbor).any()):
            i, j = atoms[center], atoms[neighbor]
            owner = clean.structure_idx[j]
            each = torch.bincount(owner, minlength=clean.n_structures)
            starts, meets = torch.cumsum(each, 0) - each, clean.structure_idx[i]
            first = torch.repeat_interleave(starts[meets], each[meets])
            return torch.repeat_interleave(i, each[meets]), j[first + _ragged_range(each[meets])], False
    ends = torch.repeat_interleave(torch.cumsum(counts, 0), counts)
    place = torch.arange(len(atoms), device=atoms.device)
    partners = ends - place
    one = torch.repeat_interleave(place, partners)
    other = one + _ragged_range(partners)
    if weight is not None:
        wanted = (center[one] & neighbor[other]) | (neighbor[one] & center[other])
        one, other = one[wanted], other[wanted]
    return atoms[one], atoms[other], True


def _cartesian(place: Tensor, cell: Tensor) -> Tensor:
    """Vectors (n, 3) in Å of fractional ones, a cell (n, 3, 3) each; faster than many small products."""
    return place[:, :1] * cell[:, 0] + place[:, 1:2] * cell[:, 1] + place[:, 2:] * cell[:, 2]


def _ragged_range(lengths: Tensor) -> Tensor:
    """Concatenation of arange(n) for every n in `lengths`."""
    ends = torch.cumsum(lengths, 0)
    total = int(ends[-1]) if len(ends) else 0
    return torch.arange(total, device=lengths.device) - torch.repeat_interleave(ends - lengths, lengths)
