"""The restricted process: with a known score it draws the known distribution, and stays in its subspace."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lodestone.sampling.guidance import GuidanceOptions, guided_score
from lodestone.sampling.isolation import Watch
from lodestone.sampling.loop import LoopOptions, denoise
from lodestone.sampling.process import renoise, symmetric_noise
from lodestone.sampling.state import MASK, Kernel, Score, State
from lodestone.sampling.symmetric.diffusion import SymmetricDiffusion
from lodestone.sampling.symmetric.lattices import coordinates, matrices
from lodestone.sampling.symmetric.subspace import Subspace, subspace_of
from lodestone.wyckoff.proposals import Proposal, parse

pytestmark = pytest.mark.slow

COPIES = 500
TEXTS = ["1 Li:a O:a", "2 Li:a O:i O:i", "166 Li:a O:c O:h", "227 O:e", "139 Li:a O:e"]
CELL = torch.tensor([[3.6, 0.3, 0.0], [0.3, 3.2, -0.2], [0.0, -0.2, 4.0]])


SHARES = {3: 0.2, 8: 0.5, 27: 0.3}
WIDTH, SPREAD = 0.03, 0.25  # of fractional coordinates, and of the elements of the lattice in Å


class Analytic:
    """Every coordinate is normal about `places` (n_atoms, 3) with WIDTH, every element of the lattice about
    `cell` (n_structures, 3, 3) with SPREAD, the types have SHARES.

    The kernels are those of a MatterGen with `steps` levels.
    """

    def __init__(self, places: Tensor, cell: Tensor, sizes: list[int], steps: int) -> None:
        self.places, self.cell, self.sizes, self.steps = places, cell, sizes, steps
        self.times = torch.linspace(1.0, 1 / steps, steps)

    def prior(self, n_atoms: list[int]) -> State:
        """Uniform places, the limit's lattice, masked types."""
        assert n_atoms == self.sizes
        sizes = torch.tensor(n_atoms)
        n = int(sizes.sum())
        kernel = self._kernel(sizes, 1.0)
        return State(
            frac=torch.rand(n, 3),
            cell=kernel.limit + kernel.variance.sqrt() * symmetric_noise(self.cell),
            numbers=torch.full((n,), MASK),
            n_atoms=sizes,
            structure_idx=torch.repeat_interleave(torch.arange(len(sizes)), sizes),
        )

    def score(self, state: State, t: Tensor) -> Score:
        """The exact score of the whole space, the nearest image of the centre for its sum over images."""
        kernel = self.kernel(state, t)
        apart = state.frac - self.places
        apart = apart - torch.round(apart)
        away = state.cell - kernel.alpha * self.cell - (1 - kernel.alpha) * kernel.limit
        spread = (1 - kernel.alpha**2) * kernel.variance + (kernel.alpha * SPREAD) ** 2
        logits = torch.full((len(state.frac), 101), -1e9)
        for number, share in SHARES.items():
            logits[:, number - 1] = math.log(share)
        return Score(-apart / (kernel.sigma**2 + WIDTH**2), -away / spread, logits)

    def kernel(self, state: State, t: Tensor, *, steps_later: int = 0) -> Kernel:
        """p(x_t | x_0)."""
        return self._kernel(state.n_atoms, float(t) - steps_later / self.steps)

    def _kernel(self, sizes: Tensor, time: float) -> Kernel:
        sigma = 0.01 * 500**time if time > 1e-6 else 0.0
        scale = sizes.float() ** (-1 / 3)
        alpha = math.exp(-0.25 * time**2 * 19.9 - 0.05 * time)
        edge = (sizes.float() / 0.06)[:, None, None] ** (1 / 3)
        return Kernel(
            sigma=sigma * torch.repeat_interleave(scale, sizes)[:, None],
            alpha=torch.tensor(alpha),
            limit=edge * torch.eye(3),
            variance=0.25 * sizes.float()[:, None, None] ** (2 / 3) * torch.ones(1, 3, 3),
            kept=1 - round(time * self.steps) / self.steps,
        )


def analytic(proposal: Proposal, copies: int = COPIES, steps: int = 120) -> Analytic:
    """A known distribution about a crystal of the proposal, and its subspace."""
    subspace = subspace_of([proposal] * copies, "free")
    torch.manual_seed(99)
    parameters = torch.rand(len(proposal.orbits), 3).repeat(copies, 1)
    cell = subspace.lattices.nearest(CELL.expand(copies, 3, 3))
    return Analytic(subspace.orbits.places(parameters), cell, [proposal.n_atoms] * copies, steps)


def drawn(inner: Analytic, proposal: Proposal, seed: int = 0, recurrence: int = 1) -> State:
    copies = len(inner.cell)
    confined = SymmetricDiffusion(inner, [proposal] * copies, elements="free", delegate=False)
    torch.manual_seed(seed)
    return denoise(
        confined,
        confined.prior(confined.sizes),
        guided_score(confined, None, GuidanceOptions(0.0)),
        options=LoopOptions(recurrence=recurrence),
        watch=lambda state, _: state,
    )


@pytest.mark.parametrize("text", TEXTS)
def test_a_known_distribution_is_drawn_inside_the_subspace(text: str) -> None:
    proposal = parse(text)
    inner = analytic(proposal)
    final = drawn(inner, proposal)
    subspace = final.fixed
    assert isinstance(subspace, Subspace)
    apart = final.frac - inner.places
    # whole cells of the primitive lattice, in steps that keep the atom on its orbit
    apart = subspace.orbits.along(apart - torch.round(apart))
    gram = torch.einsum("akp,akq->apq", subspace.orbits.slopes, subspace.orbits.slopes)
    gram = torch.zeros(subspace.orbits.n_orbits, 3, 3).index_add(0, subspace.orbits.orbit_idx, gram)
    u = subspace.orbits.parameters(apart).reshape(COPIES, len(proposal.orbits), 3)
    expected = WIDTH * torch.sqrt(torch.linalg.pinv(gram[: len(proposal.orbits)]).diagonal(dim1=1, dim2=2))
    free = expected > 1e-6
    assert u.mean(dim=0)[free].abs().max() < 5 * WIDTH / COPIES**0.5
    assert torch.allclose(u.std(dim=0)[free], expected[free], rtol=0.15)
    assert not u[:, ~free].abs().gt(1e-5).any()
    lattice = coordinates(final.cell) - coordinates(inner.cell)
    tangent = torch.stack([
        coordinates(subspace.lattices.along(inner.cell, matrices(torch.eye(6)[k]).expand(COPIES, 3, 3)))[0]
        for k in range(6)
    ])  # fmt: skip
    assert lattice.mean(dim=0).abs().max() < 0.05
    covariance = lattice.T @ lattice / COPIES
    assert torch.allclose(covariance, SPREAD**2 * tangent, atol=0.25 * SPREAD**2)
    types = final.numbers[subspace.orbits.first]
    for number, share in SHARES.items():
        if number != 8:  # the last step's mean takes the most probable type where one is still open
            assert float((types == number).float().mean()) == pytest.approx(share, abs=0.06)


def test_recurrence_stays_in_the_subspace_and_draws_the_same() -> None:
    proposal = parse("12 Li:a O:i O:j")
    inner = analytic(proposal, copies=300, steps=40)
    final = drawn(inner, proposal, recurrence=2)
    assert final.fixed is not None
    again = final.fixed.apply(final)
    assert torch.allclose(again.frac, final.frac, atol=1e-5)
    assert torch.allclose(again.cell, final.cell, atol=1e-4)
    apart = final.frac - inner.places
    apart = apart - torch.round(apart)
    assert float(apart.square().mean().sqrt()) < 1.2 * WIDTH


def test_renoising_is_the_forward_kernel_of_the_subspace() -> None:
    proposal = parse("166 Li:a O:c O:h")
    inner = analytic(proposal)
    subspace = subspace_of([proposal] * COPIES, "free")
    n = len(inner.places)
    sizes = torch.tensor(inner.sizes)
    idx = torch.repeat_interleave(torch.arange(COPIES), sizes)
    state = State(inner.places, inner.cell, torch.full((n,), 8), sizes, idx, subspace)
    early, late = inner._kernel(sizes, 0.5), inner._kernel(sizes, 0.8)
    torch.manual_seed(5)
    found = renoise(state, early, late)
    moved = (found.frac - state.frac) / torch.sqrt(late.sigma**2 - early.sigma**2)
    assert torch.allclose(subspace.orbits.along(moved), moved, atol=1e-4)
    per_structure = moved.square().sum(dim=1).reshape(COPIES, -1).sum(dim=1)
    assert float(per_structure.mean()) == pytest.approx(3, rel=0.1)  # 0 + 1 + 2 free parameters
    alpha = late.alpha / early.alpha
    expected = alpha * inner.cell[0] + (1 - alpha) * late.limit[0]
    expected = subspace.lattices.nearest(expected.expand(COPIES, 3, 3))[0]
    assert torch.allclose(found.cell.mean(dim=0), expected, atol=0.1)
    away = coordinates(found.cell - expected)
    assert float(
        away.square().sum(dim=1).mean() / ((1 - alpha**2) * late.variance[0, 0, 0])
    ) == pytest.approx(2, rel=0.15)
    masked = (found.numbers == MASK).float()
    by_orbit = subspace.orbits.mean(masked[:, None])[:, 0]
    assert set(by_orbit.tolist()) == {0.0, 1.0}
    assert float(by_orbit.mean()) == pytest.approx(1 - late.kept / early.kept, abs=0.06)


def test_the_same_seed_gives_the_same_structures() -> None:
    proposal = parse("14 Li:a O:e")
    inner = analytic(proposal, copies=5, steps=6)
    one, same, other = (drawn(inner, proposal, seed) for seed in (1, 1, 2))
    assert torch.equal(one.frac, same.frac)
    assert torch.equal(one.cell, same.cell)
    assert not torch.equal(one.frac, other.frac)


def test_other_sizes_than_the_proposals_are_refused() -> None:
    confined = SymmetricDiffusion(analytic(parse("2 Li:a"), 1, 5), [parse("2 Li:a")])
    with pytest.raises(ValueError, match=r"structures of \[3\] atoms asked for; the proposals have \[1\]"):
        confined.prior([3])


def test_a_broken_structure_does_not_break_the_others() -> None:
    proposals = [parse("139 Li:a O:e"), parse("166 Li:a O:c"), parse("2 Li:a O:i")]
    inner = analytic(proposals[0], 3, 12)

    class Breaking(Analytic):
        def score(self, state: State, t: Tensor) -> Score:
            found = super().score(state, t)
            if 0.4 < float(t) < 0.6:
                found.cell[1] = torch.nan
                found.frac[3] = torch.nan
            return found

    breaking = Breaking(inner.places, inner.cell, [3, 3, 3], 12)
    confined = SymmetricDiffusion(breaking, proposals)
    watch = Watch(3)
    torch.manual_seed(0)
    final = denoise(
        confined, confined.prior([3, 3, 3]), guided_score(confined, None, GuidanceOptions(0.0)),
        options=LoopOptions(), watch=watch,
    )  # fmt: skip
    assert set(watch.reasons) == {1}
    assert torch.isfinite(final.frac).all()
    assert torch.isfinite(final.cell).all()
