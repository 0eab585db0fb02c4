"""MatterGen's graph of a batch, its numbers bit for bit upstream's, with few waits for the device.

A GPU works behind the program that asks it. Whenever the program wants a number or a size that only the GPU
knows, it waits until all that was asked is done, and the GPU then waits for the program. Upstream's graph
waits some sixty times in a pass, and twice more per structure of the batch. Here what follows from the
numbers of atoms alone is worked out once per shape of batch, and a graph asks for sizes five times: images in
reach, edges within the cutoff, those that are kept, those with a counter-edge, triplets.

All floating-point operations are upstream's own, in upstream's order and on tensors of upstream's shapes;
what differs is how indices are found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

NEAREST = 0.0001  # Å²; nearer is the atom itself, as upstream has it


class NoEdgesError(ValueError):
    """A batch in which no atom has a neighbour, or no edge makes a triplet, which the network cannot take."""


@dataclass(frozen=True)
class Layout:
    """What the numbers of atoms of a batch determine.

    sizes: atoms of each structure; batch (n_atoms,): structure of each atom; first, second, of_pair
    (n_pairs,): the two atoms and the structure of every ordered pair of atoms of one structure, an atom with
    itself included.
    """

    sizes: tuple[int, ...]
    batch: Tensor
    first: Tensor
    second: Tensor
    of_pair: Tensor

    @property
    def n_structures(self) -> int:
        """Number of structures."""
        return len(self.sizes)

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.batch)


def layout(sizes: Sequence[int], batch: Tensor) -> Layout:
    """The layout of structures with these numbers of atoms; `batch` as upstream's batch has it."""
    counts = torch.tensor(list(sizes))
    squares = counts**2
    of_pair = torch.repeat_interleave(torch.arange(len(counts)), squares)
    within = torch.arange(len(of_pair)) - (torch.cumsum(squares, 0) - squares)[of_pair]
    start = (torch.cumsum(counts, 0) - counts)[of_pair]
    width = counts[of_pair]
    first = start + torch.div(within, width, rounding_mode="floor")
    second = start + within % width
    return Layout(tuple(sizes), batch, *(found.to(batch.device) for found in (first, second, of_pair)))


@dataclass(frozen=True)
class Edges:
    """Edges of a batch, sorted by centre.

    index (2, n_edges): rows neighbour and centre; images (n_edges, 3) of the neighbour; structure (n_edges,).
    """

    index: Tensor
    images: Tensor
    structure: Tensor


FindEdges = Callable[[Layout, Tensor, Tensor, float, int, int], Edges]


def upstream_edges(
    made: Layout, cart: Tensor, lattice: Tensor, radius: float, most: int, most_images: int
) -> Edges:
    """The edges of upstream's `radius_graph_pbc`: at most the `most` nearest within the radius (Å) per atom.

    Raises ValueError or OverflowError, as upstream does, where a cell has no volume.
    """
    images, squared = _squared(made, cart, lattice, radius, most_images)
    near = torch.logical_and(torch.le(squared, radius * radius), torch.gt(squared, NEAREST))
    entry = torch.nonzero(near)[:, 0]
    pair, image = torch.div(entry, len(images), rounding_mode="floor"), entry % len(images)
    centre, squared = made.first[pair], squared[entry]
    counts = _counts(centre, made.n_atoms)
    largest, wanted = torch.stack([counts.max(), counts.clamp(max=most).sum()]).tolist()
    if largest > most:
        kept = _nearest(centre, squared, counts, (largest, most, wanted))
        pair, image, centre = pair[kept], image[kept], centre[kept]
    return Edges(torch.stack((made.second[pair], centre)), images[image], made.of_pair[pair])


def _squared(
    made: Layout, cart: Tensor, lattice: Tensor, radius: float, most_images: int
) -> tuple[Tensor, Tensor]:
    """Images (n_images, 3), and squared distances of all pairs to all images, (n_pairs * n_images,)."""
    reach = _reach(lattice, radius, most_images)
    steps = [torch.arange(-n, n + 1, device=cart.device, dtype=torch.float) for n in reach]
    images = torch.cartesian_prod(*steps)
    columns = torch.transpose(images, 0, 1).view(1, 3, len(images)).expand(made.n_structures, -1, -1)
    shifts = torch.bmm(torch.transpose(lattice, 1, 2), columns).index_select(0, made.of_pair)
    one, other = (
        torch.index_select(cart, 0, atoms).view(-1, 3, 1).expand(-1, -1, len(images))
        for atoms in (made.first, made.second)
    )
    return images, torch.sum((one - (other + shifts)) ** 2, dim=1).view(-1)


def _reach(lattice: Tensor, radius: float, most: int) -> list[int]:
    """Images either way that some structure needs along each vector."""
    across = torch.cross(lattice[:, 1], lattice[:, 2], dim=-1)
    volume = torch.sum(lattice[:, 0] * across, dim=-1, keepdim=True)
    normals = (across, *(torch.cross(lattice[:, i], lattice[:, j], dim=-1) for i, j in ((2, 0), (0, 1))))
    needed = [torch.ceil(radius * torch.norm(n / volume, p=2, dim=-1)).max() for n in normals]
    return [min(int(n), most) for n in torch.stack(needed).tolist()]


def _nearest(centre: Tensor, squared: Tensor, counts: Tensor, sizes: tuple[int, int, int]) -> Tensor:
    """Indices, rising, of the nearest edges of each centre.

    The matrix that is sorted is upstream's, because its sort is not stable: which of two edges of the same
    length is kept depends on the row that they are in. `sizes`: most edges of an atom, most that are kept of
    one, and all that are kept.
    """
    largest, most, wanted = sizes
    starts = torch.cumsum(counts, 0) - counts
    place = centre * largest + torch.arange(len(centre), device=centre.device) - starts[centre]
    rows = torch.full([len(counts) * largest], math.inf, device=centre.device)
    rows.index_copy_(0, place, squared)
    distance, order = torch.sort(rows.view(len(counts), largest), dim=1)
    chosen = order[:, :most] + starts[:, None]
    chosen = torch.where(torch.isfinite(distance[:, :most]), chosen, len(centre))
    mask = torch.zeros(len(centre) + 1, dtype=torch.bool, device=centre.device)
    mask.index_fill_(0, chosen.view(-1), value=True)
    return _true(mask[:-1], wanted)


def _true(mask: Tensor, size: int) -> Tensor:
    """Indices of the `size` true entries of a mask (n,); as nonzero, but it need not be asked how many."""
    place = torch.where(mask, torch.cumsum(mask, 0) - 1, size)
    found = place.new_empty(size + 1)
    return found.scatter_(0, place, torch.arange(len(mask), device=mask.device))[:size]


def _counts(index: Tensor, size: int) -> Tensor:
    """How often each number below `size` is there; as bincount, which waits."""
    return index.new_zeros(size).scatter_add_(0, index, torch.ones_like(index))


@dataclass(frozen=True)
class Directed:
    """One of every two counter-edges, and where both go.

    edges (n,): indices; order (2n,): of edges and their counter-edges behind each other, such that both of a
    structure are together; swap (2n,): the counter-edge of each after that.
    """

    edges: Tensor
    order: Tensor
    swap: Tensor
    counts: Tensor


def _directed(found: Edges, n_structures: int) -> Directed:
    (neighbour, centre), images = found.index, found.images
    earlier = (images[:, 0] < 0) | (
        (images[:, 0] == 0) & ((images[:, 1] < 0) | ((images[:, 1] == 0) & (images[:, 2] < 0)))
    )
    edges = torch.nonzero((neighbour < centre) | ((neighbour == centre) & earlier))[:, 0]
    n = len(edges)
    if not n:
        raise NoEdgesError("no atom of the batch has a neighbour within the network's cutoff")
    structure = found.structure[edges]
    counts = _counts(structure, n_structures)
    here = torch.arange(n, device=edges.device)
    forth = (torch.cumsum(counts, 0) - counts)[structure] + here
    back = forth + counts[structure]
    both = torch.cat([forth, back])
    order = torch.empty_like(both).scatter_(0, both, torch.arange(2 * n, device=edges.device))
    swap = torch.empty_like(both).scatter_(0, both, torch.cat([back, forth]))
    return Directed(edges, order, swap, 2 * counts)


def triplets(index: Tensor, n_atoms: int) -> tuple[Tensor, Tensor, Tensor, int]:
    """All b->a of each edge c->a but itself: id3_ba, id3_ca, and the rank of each in its row (n_triplets,).

    index (2, n_edges): rows c and a. Last: the most of one edge, at least 1.
    """
    source, target = index
    order = torch.argsort(target * n_atoms + source, stable=True)
    degree = _counts(target, n_atoms)
    starts = torch.cumsum(degree, 0) - degree
    here = torch.arange(len(order), device=index.device)
    rank = torch.empty_like(order).scatter_(0, order, here - starts[target[order]])
    lengths = degree[target] - 1
    total, most = torch.stack([lengths.sum(), lengths.max()]).tolist()
    if not total:
        raise NoEdgesError("no atom of the batch has two neighbours within the network's cutoff")
    edge = torch.repeat_interleave(here, lengths, output_size=total)
    ragged = torch.arange(total, device=index.device) - (torch.cumsum(lengths, 0) - lengths)[edge]
    other = ragged + (ragged >= rank[edge]).long()
    return order[starts[target[edge]] + other], edge, ragged, most


class Batch:
    """Stands in for what upstream's network asks of its batch, as long as one pass lasts."""

    def __init__(self, made: Layout, find: FindEdges = upstream_edges) -> None:
        self._layout, self._find = made, find
        self._most_triplets = 0

    def interaction_graph(self, network: Any, cart: Tensor, lattice: Tensor, *_: Any) -> tuple[Tensor, ...]:
        """In place of `GemNetT.generate_interaction_graph`, for graphs made on the fly."""
        made = self._layout
        with torch.no_grad():
            found = self._find(
                made, cart, lattice, network.cutoff, network.max_neighbors, network.max_cell_images_per_dim
            )
            directed = _directed(found, made.n_structures)
        neighbour, centre = found.index
        between = cart[neighbour] - cart[centre]
        between += torch.einsum("bi,bij->bj", found.images, lattice.index_select(0, found.structure))
        length = between.norm(dim=-1)
        unit = -between / length[:, None]

        def symmetric(values: Tensor, sign: int) -> Tensor:
            chosen = values[directed.edges]
            return torch.cat([chosen, sign * chosen])[directed.order]

        chosen = found.index[:, directed.edges]
        index = torch.cat([chosen, chosen.flip(0)], dim=1)[:, directed.order]
        ba, ca, ragged, self._most_triplets = triplets(index, made.n_atoms)
        return (
            index, directed.counts, symmetric(length, 1), symmetric(unit, -1), directed.swap,
            ba, ca, ragged, symmetric(found.images, -1),
        )  # fmt: skip

    def cartesian(self, frac: Tensor, _: Tensor, lattice: Tensor) -> Tensor:
        """In place of `frac_to_cart_coords_with_lattice`."""
        return torch.einsum("bi,bij->bj", frac, lattice.index_select(0, self._layout.batch))

    def scatter(
        self, original: Callable[..., Tensor], src: Tensor, index: Tensor, dim: int = -1, out: None = None,
        dim_size: int | Tensor | None = None, reduce: str = "sum",
    ) -> Tensor:  # fmt: skip
        """In place of a reduction whose size upstream leaves to the device.

        Such a size is the number of structures, but where edges or atoms are reduced onto atoms.
        """
        if not isinstance(dim_size, int):
            per_structure = dim_size is None or index is self._layout.batch
            dim_size = self._layout.n_structures if per_structure else self._layout.n_atoms
        return original(src, index, dim=dim, out=out, dim_size=dim_size, reduce=reduce)

    def scatter_add(
        self, original: Callable[..., Tensor], src: Tensor, index: Tensor, dim: int = -1, **_: Any
    ) -> Tensor:
        """In place of a sum over atoms or edges of a structure."""
        return original(src, index, dim=dim, dim_size=self._layout.n_structures)

    def projected(self, layer: Any, rbf: Tensor, sph: Tensor, edge: Tensor, ragged: Tensor) -> Any:
        """In place of `EfficientInteractionDownProjection.forward`."""
        weighted = torch.matmul(rbf, layer.weight).permute(1, 2, 0)
        dense = sph.new_zeros(rbf.shape[1], self._most_triplets, layer.num_spherical)
        dense[edge, ragged] = sph
        return weighted, torch.transpose(dense, 1, 2)

    def interaction(self, layer: Any, basis: Any, m: Tensor, edge: Tensor, ragged: Tensor) -> Tensor:
        """In place of `EfficientInteractionBilinear.forward`."""
        weighted, sph = basis
        dense = m.new_zeros(weighted.shape[0], self._most_triplets, layer.emb_size)
        dense[edge, ragged] = m
        summed = torch.matmul(weighted, torch.matmul(sph, dense))
        return torch.sum(torch.matmul(summed.permute(2, 0, 1), layer.weight), dim=0)


@contextmanager
def few_waits(batch: Batch) -> Iterator[None]:
    """Let upstream's network and correctors ask `batch` inside, for the one that it was made for."""
    from mattergen.common.gemnet import gemnet, gemnet_ctrl
    from mattergen.common.gemnet.layers import efficient
    from mattergen.common.utils import lattice_score
    from mattergen.diffusion.sampling import predictors_correctors

    def method(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda layer, *args: function(layer, *args)  # noqa: PLW0108  # only a plain one is bound

    def reduction(function: Callable[..., Tensor], original: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return lambda *args, **more: function(original, *args, **more)

    changes: list[tuple[Any, str, Any]] = [
        (gemnet.GemNetT, "generate_interaction_graph", method(batch.interaction_graph)),
        (efficient.EfficientInteractionDownProjection, "forward", method(batch.projected)),
        (efficient.EfficientInteractionBilinear, "forward", method(batch.interaction)),
        *((module, "frac_to_cart_coords_with_lattice", batch.cartesian) for module in (gemnet, gemnet_ctrl)),
        *((module, "scatter", reduction(batch.scatter, module.scatter)) for module in (gemnet, gemnet_ctrl)),
        *(
            (module, "scatter_add", reduction(batch.scatter_add, module.scatter_add))
            for module in (lattice_score, predictors_correctors)
        ),
    ]
    before = [(where, name, getattr(where, name)) for where, name, _ in changes]
    for where, name, value in changes:
        setattr(where, name, value)
    try:
        yield
    finally:
        for where, name, value in before:
            setattr(where, name, value)
