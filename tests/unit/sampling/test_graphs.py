"""The graph with few waits against upstream's own, bit for bit."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st
from torch import Tensor

from lodestone.sampling.mattergen import compat, graphs
from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
from lodestone.sampling.state import State

compat.install()

from mattergen.common.gemnet import gemnet  # noqa: E402
from mattergen.common.gemnet.layers import efficient  # noqa: E402
from mattergen.common.utils import data_utils, lattice_score  # noqa: E402

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=4)
CELLS = st.sampled_from(["random", "cubic", "tiny", "skew", "wide"])
SEEDS = st.integers(0, 10_000)
MOST = st.sampled_from([1, 3, 12, 50])


def crystals(seed: int, sizes: list[int], kind: str) -> tuple[Tensor, Tensor, graphs.Layout]:
    """Cartesian coordinates, lattices and the layout of a batch."""
    random = torch.Generator().manual_seed(seed)
    n = len(sizes)
    cell = 4.0 * torch.eye(3).repeat(n, 1, 1)
    if kind != "cubic":
        cell = cell + torch.randn(n, 3, 3, generator=random)
    if kind == "tiny":
        cell = 0.25 * cell
    if kind == "skew":
        cell[:, 1] = cell[:, 0] * 3 + 0.3 * cell[:, 1]
    if kind == "wide":
        cell[0] = 40 * torch.eye(3)
    batch = torch.repeat_interleave(torch.arange(n), torch.tensor(sizes))
    frac = torch.rand(len(batch), 3, generator=random)
    if kind == "cubic":
        frac = torch.round(2 * frac) / 2 + 0.1 * batch[:, None]
    return torch.einsum("ak,akc->ac", frac, cell[batch]), cell, graphs.layout(sizes, batch)


def network(most: int, cutoff: float = 5.0) -> Any:
    """As much of upstream's network as its graph needs."""
    made = gemnet.GemNetT.__new__(gemnet.GemNetT)
    torch.nn.Module.__init__(made)
    made.otf_graph, made.cutoff, made.max_neighbors, made.max_cell_images_per_dim = True, cutoff, most, 5
    return made


def same(found: Any, expected: Any) -> None:
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


@settings(max_examples=60, deadline=None)
@given(SEEDS, SIZES, CELLS, MOST)
@example(0, [1, 6, 2], "cubic", 3)
@example(0, [4, 4], "tiny", 12)
def test_edges_are_those_of_radius_graph_pbc(seed: int, sizes: list[int], kind: str, most: int) -> None:
    cart, cell, made = crystals(seed, sizes, kind)
    index, images, counts = data_utils.radius_graph_pbc(cart, cell, torch.tensor(sizes), 5.0, most, 5)
    found = graphs.upstream_edges(made, cart, cell, 5.0, most, 5)
    same((found.index, found.images), (index, images))
    assert torch.bincount(found.structure, minlength=len(sizes)).tolist() == counts.tolist()
    assert (found.structure.diff() >= 0).all()


@settings(max_examples=60, deadline=None)
@given(SEEDS, SIZES, CELLS, MOST)
@example(3, [1, 5, 2], "wide", 12)
def test_the_graph_and_its_gradient_are_those_of_upstream(
    seed: int, sizes: list[int], kind: str, most: int
) -> None:
    cart, cell, made = crystals(seed, sizes, kind)
    asked, numbers = network(most), torch.tensor(sizes)

    def graph(make: Any) -> tuple[Any, Any]:
        leaves = cart.clone().requires_grad_(), cell.clone().requires_grad_()
        found = make(asked, *leaves, numbers, None, None, None)
        return found, torch.autograd.grad((found[2].sin() + found[3].sum(dim=1) ** 2).sum(), leaves)

    try:
        expected, slope = graph(gemnet.GemNetT.generate_interaction_graph)
    except IndexError:  # upstream's word for a batch without edges
        with pytest.raises(graphs.NoEdgesError):
            graph(graphs.Batch(made).interaction_graph)
        return
    if not len(expected[5]):  # upstream's network raises for it later
        with pytest.raises(graphs.NoEdgesError):
            graph(graphs.Batch(made).interaction_graph)
        return
    found, mine = graph(graphs.Batch(made).interaction_graph)
    same(found, expected)
    same(mine, slope)


@settings(max_examples=20, deadline=None)
@given(SEEDS, SIZES)
def test_layers_and_reductions_are_those_of_upstream(seed: int, sizes: list[int]) -> None:
    cart, cell, made = crystals(seed, sizes, "random")
    batch = graphs.Batch(made)
    try:
        graph = batch.interaction_graph(network(12), cart, cell, torch.tensor(sizes))
    except graphs.NoEdgesError:  # a lone atom in a large cell
        reject()
    index, _, length, unit, _, ba, ca, ragged, _ = graph
    edges, random = len(length), torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random)

    down = efficient.EfficientInteractionDownProjection(3, 5, 4)
    bilinear = efficient.EfficientInteractionBilinear(6, 4, 7)
    rbf, sph, values = draw(1, edges, 5), draw(len(ca), 3), draw(edges, 6)
    per_edge, per_atom = draw(edges), draw(made.n_atoms, 2)
    frac, structures = draw(made.n_atoms, 3), made.batch[index[0]]

    def outcomes() -> list[Tensor]:
        basis = down(rbf, sph, ca, ragged)
        return [
            *basis,
            bilinear(basis, values[ba], ca, ragged),
            lattice_score.edge_score_to_lattice_score_frac_symmetric(per_edge, index, unit, made.batch),
            gemnet.scatter(per_edge, structures)[structures],
            gemnet.scatter(per_atom, made.batch, dim=0, dim_size=made.batch.max() + 1),
            gemnet.scatter(values, index[1], dim=0, dim_size=torch.tensor(sizes).sum()),
            gemnet.frac_to_cart_coords_with_lattice(frac, torch.tensor(sizes), lattice=cell),
        ]

    expected = outcomes()
    with graphs.few_waits(batch):
        found = outcomes()
    same(found, expected)
    same(outcomes(), expected)


def test_upstream_is_itself_again_after_an_error() -> None:
    def own() -> list[Any]:
        return [
            gemnet.GemNetT.generate_interaction_graph, gemnet.scatter, lattice_score.scatter_add,
            efficient.EfficientInteractionBilinear.forward,
        ]  # fmt: skip

    before = own()

    def stopped() -> None:
        with graphs.few_waits(graphs.Batch(crystals(0, [2], "cubic")[2])):
            assert all(a is not b for a, b in zip(own(), before, strict=True))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stopped()
    assert all(a is b for a, b in zip(own(), before, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_scores_and_their_gradients_are_those_of_upstreams_network(
    factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with several hundred neighbours in small cells, as there are early on."""
    diffusion = MatterGenDiffusion(
        load_checkpoint(locate("embedded"), steps=10),
        properties={"chemical_system": "Co-Li-O"},
        guidance_factor=factor,
    )
    torch.manual_seed(1)
    noise = diffusion.prior([1, 7, 3, 5])

    def score(state: State, t: Tensor) -> list[Tensor]:
        leaves = state.frac.clone().requires_grad_(), state.cell.clone().requires_grad_()
        found = diffusion.score(state.with_fields(*leaves, state.numbers), t)
        fields = [found.frac, found.cell, found.logits]
        return fields + list(torch.autograd.grad((found.frac**2).sum() + found.cell.sum(), leaves))

    squeezed = noise.with_fields(noise.frac, 0.4 * noise.cell, noise.numbers)
    found = [score(state, diffusion.times[level]) for state in (noise, squeezed) for level in (0, 6)]
    monkeypatch.setattr(graphs, "few_waits", lambda _: nullcontext())
    for mine, level_of in zip(found, [(noise, 0), (noise, 6), (squeezed, 0), (squeezed, 6)], strict=True):
        same(mine, score(level_of[0], diffusion.times[level_of[1]]))
