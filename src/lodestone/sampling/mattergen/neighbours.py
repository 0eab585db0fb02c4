"""MatterGen's neighbour graph, chosen so that it does not depend on the rest of the batch.

Upstream keeps the nearest `max_neighbors` of an atom. An atom's own images at +n and -n are exactly
as far as each other, so the cut often goes through a tie, and upstream's float32 distances, taken
with matrix products whose rounding depends on the size of the batch, decide it by chance: a change
of 1e-7 elsewhere changes an edge here. Below, distances are double-precision element-wise sums, in
which such ties are exact, and ties go by atom and image.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lodestone.sampling.mattergen.graphs import Edges, Layout, layout

CLOSEST = 1e-4  # Å²; nearer is the atom itself, as upstream has it
CHUNK = 4_000_000  # pairs times images at a time


def radius_graph(
    cart_coords: Tensor,
    lattice: Tensor,
    num_atoms: Tensor,
    radius: float,
    max_num_neighbors_threshold: int,
    max_cell_images_per_dim: int = 10,
    topk_per_pair: None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Edges (2, n_edges) of rows neighbour and centre, images (n_edges, 3), edges per structure.

    Arguments and results are those of upstream's `radius_graph_pbc`: Cartesian coordinates
    (n_atoms, 3) and lattices (n_structures, 3, 3) in Å, and the order by centre, neighbour, image.
    """
    if topk_per_pair is not None:
        raise NotImplementedError("topk_per_pair is not supported")
    batch = torch.repeat_interleave(torch.arange(len(num_atoms), device=num_atoms.device), num_atoms)
    made = layout(num_atoms.tolist(), batch)
    found = edges(made, cart_coords, lattice, radius, max_num_neighbors_threshold, max_cell_images_per_dim)
    return found.index, found.images, torch.bincount(found.structure, minlength=len(num_atoms))


@torch.no_grad()
def edges(made: Layout, cart: Tensor, lattice: Tensor, radius: float, most: int, most_images: int) -> Edges:
    """The same of a batch with this layout."""
    cart, lattice = cart.double(), lattice.double()
    reach = _reach(lattice, radius, most_images)
    images = _images(reach)
    between = cart[made.second] - cart[made.first]
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    step = max(1, CHUNK // max(1, len(images)))
    for start in range(0, len(made.first), step):
        pairs = slice(start, start + step)
        of_pair = made.of_pair[pairs]
        squared = _squared(between[pairs], lattice[of_pair], images)
        inside = (images.abs() <= reach[of_pair, None]).all(dim=2)
        near = (squared <= radius * radius) & (squared > CLOSEST) & inside
        pair, image = torch.nonzero(near, as_tuple=True)
        found.append((pair + start, image, squared[pair, image]))
    pair, image, squared = (torch.cat(parts) for parts in zip(*found, strict=True))
    kept = _nearest(made.first[pair], squared, most, len(cart))
    pair, image = pair[kept], image[kept]
    index = torch.stack([made.second[pair], made.first[pair]])
    return Edges(index, images[image].float(), made.of_pair[pair])


def _reach(lattice: Tensor, radius: float, most: int) -> Tensor:
    """Images either way that the radius needs, (n_structures, 3), at most `most`."""
    crosses = torch.linalg.cross(lattice[:, [1, 2, 0]], lattice[:, [2, 0, 1]])
    volume = (lattice[:, 0] * crosses[:, 0]).sum(dim=1, keepdim=True).abs()
    needed = torch.ceil(radius * torch.linalg.vector_norm(crosses, dim=2) / volume)
    if not torch.isfinite(needed).all():
        raise ValueError("a cell without volume has no neighbours")
    return needed.clamp_max(most)


def _images(reach: Tensor) -> Tensor:
    """Every image that some structure needs, (n_images, 3), in lexical order."""
    largest = reach.max(dim=0).values.tolist()
    spans = [torch.arange(-int(r), int(r) + 1, device=reach.device) for r in largest]
    return torch.cartesian_prod(*spans).double()


def _squared(between: Tensor, lattice: Tensor, images: Tensor) -> Tensor:
    """Squared distances (n_pairs, n_images), of element-wise sums alone."""
    total = between.new_zeros(len(between), len(images))
    for axis in range(3):
        shift = sum(images[:, k] * lattice[:, k, axis, None] for k in range(3))
        total += (between[:, axis, None] + shift) ** 2
    return total


def _nearest(centre: Tensor, squared: Tensor, most: int, n_atoms: int) -> Tensor:
    """Indices, rising, of the `most` nearest entries of each centre; the first of equals wins."""
    order = torch.argsort(squared, stable=True)
    order = order[torch.argsort(centre[order], stable=True)]
    counts = torch.bincount(centre, minlength=n_atoms)
    starts = torch.cumsum(counts, 0) - counts
    rank = torch.arange(len(order), device=order.device) - starts[centre[order]]
    return torch.sort(order[rank < most]).values
