"""A structure that breaks is frozen and named, and the others end as if it had not broken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lodestone.sampling.guidance import GuidanceOptions, guided_score
from lodestone.sampling.isolation import Isolated, Watch, accompanied, alone
from lodestone.sampling.loop import LoopOptions, denoise
from lodestone.sampling.mattergen import compat, neighbours
from lodestone.sampling.mattergen.checkpoint import Checkpoint, load_checkpoint, locate
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
from lodestone.sampling.state import Score, State

STEPS, SIZES = 10, [4, 6, 5, 3, 8, 4]


@pytest.fixture(scope="module")
def checkpoint() -> Iterator[Checkpoint]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_checkpoint(locate("embedded"), steps=STEPS)
    torch.set_num_threads(threads)


class Fragile(MatterGenDiffusion):
    """Breaks structure 2 half-way: `how` is cell, network or nothing."""

    how = "nothing"

    def predict(self, state: State, score: Score, t: Tensor) -> tuple[State, State]:
        sample, mean = super().predict(state, score, t)
        if self.how == "cell" and 0.45 < float(t) < 0.55:
            cell = sample.cell.clone()
            cell[2] = float("inf")
            sample = replace(sample, cell=cell)
        return sample, mean

    def score(self, state: State, t: Tensor) -> Score:
        small = torch.nonzero(state.n_atoms == 5)[:, 0].tolist()
        lost = [i for i in small if float(t) < 0.65 and not torch.equal(state.cell[i], cube(5))]
        if self.how == "network" and lost:
            raise ValueError("index out of range\nat many lines")
        found = super().score(state, t)
        if self.how == "nan" and lost:
            cell = found.cell.clone()
            cell[lost] = float("nan")
            found = replace(found, cell=cell)
        return found


def cube(n_atoms: int) -> Tensor:
    return (12.0 * n_atoms) ** (1 / 3) * torch.eye(3)


def run(diffusion: Fragile, how: str, seed: int = 2) -> tuple[State, Watch]:
    diffusion.how = how
    torch.manual_seed(seed)
    watch = Watch(len(SIZES), diffusion.lonely)
    isolated = Isolated(diffusion, watch)
    score = guided_score(isolated, None, GuidanceOptions(0.0))
    return denoise(isolated, diffusion.prior(SIZES), score, options=LoopOptions(), watch=watch), watch


@pytest.fixture(scope="module")
def fragile(checkpoint: Checkpoint) -> Fragile:
    return Fragile(
        checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=1.0, corrector="per_structure"
    )


@pytest.fixture(scope="module")
def undisturbed(fragile: Fragile) -> State:
    found, watch = run(fragile, "nothing")
    assert watch.reasons == {}
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("cell", "non-finite values at t=0.400"),
        ("network", "the network raised ValueError: index out of range at t=0.600"),
        ("nan", "the network gave non-finite values at t=0.600"),
    ],
)
def test_the_others_end_exactly_as_without_the_break(
    fragile: Fragile, undisturbed: State, how: str, reason: str
) -> None:
    found, watch = run(fragile, how)
    assert watch.reasons == {2: reason}
    others, cells = found.structure_idx != 2, torch.arange(len(SIZES)) != 2
    assert torch.equal(found.frac[others], undisturbed.frac[others])
    assert torch.equal(found.cell[cells], undisturbed.cell[cells])
    assert torch.equal(found.numbers[others], undisturbed.numbers[others])
    assert not torch.equal(found.cell[2], undisturbed.cell[2])


def test_two_culprits_are_found_and_an_innocent_batch_is_not_accused(checkpoint: Checkpoint) -> None:
    class Picky(MatterGenDiffusion):
        def score(self, state: State, t: Tensor) -> Score:
            if (state.n_atoms == 3).any() and not any(
                torch.equal(state.cell[i], cube(3)) for i in torch.nonzero(state.n_atoms == 3)[:, 0]
            ):
                raise IndexError
            return super().score(state, t)

    diffusion = Picky(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=1.0)
    state = diffusion.prior([4, 3, 5, 6, 3])
    watch = Watch(5)
    Isolated(diffusion, watch).score(state, diffusion.times[0])
    assert watch.reasons == dict.fromkeys([1, 4], "the network raised IndexError:  at t=1.000")

    class Never(MatterGenDiffusion):
        def score(self, state: State, t: Tensor) -> Score:
            if state.n_structures > 2:
                raise IndexError("too many")
            return super().score(state, t)

    never = Never(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=1.0)
    with pytest.raises(IndexError, match="too many"):
        Isolated(never, Watch(5)).score(state, diffusion.times[0])


@pytest.mark.parametrize("corrector", ["upstream", "per_structure"])
def test_a_batch_without_any_edge_passes(checkpoint: Checkpoint, corrector: str) -> None:
    """The network raises for it; nothing is wrong with its structures yet."""
    diffusion = MatterGenDiffusion(
        checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=1.0, corrector=corrector
    )
    state = diffusion.prior([1, 2])
    state = state.with_fields(state.frac, state.cell * 0 + 30 * torch.eye(3), state.numbers)
    state.frac[1:] = torch.tensor([[0.1, 0.1, 0.1], [0.6, 0.6, 0.6]])
    if corrector == "upstream":
        with pytest.raises(Exception, match="no atom of the batch"):
            diffusion.score(state, diffusion.times[2])
    watch = Watch(2)
    found = Isolated(diffusion, watch).score(state, diffusion.times[2])
    assert watch.reasons == {}
    assert not found.frac.any()
    assert torch.isfinite(found.cell).all()


def test_an_atom_without_neighbours_counts_near_the_end_only(fragile: Fragile) -> None:
    state = fragile.prior([2, 4])
    cell = torch.stack([5.5 * torch.eye(3), 3.5 * torch.eye(3)])
    frac = state.frac.clone()
    frac[:2] = torch.tensor([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]])
    near = state.with_fields(frac, cell, state.numbers)
    assert fragile.lonely(near) == []
    far = state.with_fields(frac, cell * torch.tensor([1.1, 1.0])[:, None, None], state.numbers)
    assert fragile.lonely(far) == [0]
    watch = Watch(2, fragile.lonely)
    assert watch(far, 0.5) is far
    assert watch.reasons == {}
    watch(far, 0.01)
    assert watch.reasons == {0: "an atom without neighbours at t=0.010"}


def test_the_companion_changes_no_score_but_by_rounding(checkpoint: Checkpoint) -> None:
    plain = MatterGenDiffusion(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=2.0)
    torch.manual_seed(1)
    state = plain.prior(SIZES)
    bare, beside = plain.score(state, plain.times[4]), alone(plain.score(accompanied(state), plain.times[4]))
    for name in ("frac", "cell", "logits"):
        assert torch.allclose(getattr(bare, name), getattr(beside, name), rtol=1e-4, atol=1e-5)


GRAPH = {"radius": 5.0, "max_cell_images_per_dim": 4}


def crystals(seed: int, sizes: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    n = torch.tensor(sizes)
    cell = 3.5 * torch.eye(3) + 0.4 * torch.randn(len(sizes), 3, 3, generator=g)
    frac = torch.rand(int(n.sum()), 3, generator=g)
    return torch.einsum("ak,akc->ac", frac, cell[torch.repeat_interleave(torch.arange(len(n)), n)]), cell, n


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(1, 5), min_size=1, max_size=3))
def test_the_graph_is_upstreams_where_no_tie_is_cut(seed: int, sizes: list[int]) -> None:
    compat.install()
    from mattergen.common.utils.data_utils import radius_graph_pbc

    given_ = crystals(seed, sizes)
    mine = neighbours.radius_graph(*given_, max_num_neighbors_threshold=10_000, **GRAPH)
    theirs = radius_graph_pbc(*given_, max_num_neighbors_threshold=10_000, **GRAPH)
    for a, b in zip(mine, theirs, strict=True):
        assert torch.equal(a, b.to(a.dtype))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(1, 5), min_size=1, max_size=3))
def test_the_graph_of_a_structure_does_not_depend_on_the_batch(seed: int, sizes: list[int]) -> None:
    cart, cell, n = crystals(seed, [*sizes, 4])
    edges, images, counts = neighbours.radius_graph(cart, cell, n, max_num_neighbors_threshold=12, **GRAPH)
    others = len(cart) - 4
    one = neighbours.radius_graph(cart[others:], cell[-1:], n[-1:], max_num_neighbors_threshold=12, **GRAPH)
    assert int(counts[-1]) == int(one[2][0])
    assert torch.equal(edges[:, -int(counts[-1]) :] - others, one[0])
    assert torch.equal(images[-int(counts[-1]) :], one[1])


def test_a_cut_tie_does_not_depend_on_the_last_bits() -> None:
    """The six images of a lone atom in a cube are as far as each other; three of them are kept."""
    kept = set()
    for k in range(20):
        cart = torch.tensor([[0.1, 0.2, 0.3]]) + k * 1.1920929e-07
        cell = (3.1 + k * 2.4e-7) * torch.eye(3)[None]
        edges, images, _ = neighbours.radius_graph(cart, cell, torch.tensor([1]), 4.0, 3)
        assert edges.shape == (2, 3)
        kept.add(tuple(map(tuple, images.tolist())))
    assert kept == {((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))}


def test_at_most_so_many_and_the_nearest_are_kept() -> None:
    cart, cell, n = crystals(3, [5])
    everything, images, _ = neighbours.radius_graph(cart, cell, n, max_num_neighbors_threshold=999, **GRAPH)
    few, few_images, counts = neighbours.radius_graph(cart, cell, n, max_num_neighbors_threshold=7, **GRAPH)

    def lengths(edges: Tensor, shift: Tensor, centre: int) -> list[float]:
        vectors = cart[edges[0]] + shift @ cell[0] - cart[edges[1]]
        return sorted(vectors[edges[1] == centre].norm(dim=1).tolist())

    assert int(counts[0]) == 35
    for centre in range(5):
        nearest = lengths(everything, images, centre)[:7]
        assert lengths(few, few_images, centre) == pytest.approx(nearest)
