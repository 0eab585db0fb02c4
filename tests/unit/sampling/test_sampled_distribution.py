"""With an exact score the sampler draws the exact distribution, however often a step is repeated."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from training.mattergen.config import checkpoint_config

from lodestone.sampling.loop import LoopOptions, denoise
from lodestone.sampling.mattergen.checkpoint import Checkpoint, build
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
from lodestone.sampling.process import symmetric_noise
from lodestone.sampling.state import Kernel, Score, State

COPIES, ATOMS = 1500, 2
MEAN, STD = torch.tensor([[2.4, 0.2, 0.0], [0.2, 2.0, -0.1], [0.0, -0.1, 2.7]]), 0.25  # Å
PLACE, WIDTH = 0.4, 0.06  # fractional coordinates of every atom
SHARES = {3: 0.2, 8: 0.5, 27: 0.3}


def untrained(steps: int) -> Checkpoint:
    """A checkpoint with random weights."""
    config = checkpoint_config(2.3 * np.eye(3), 0.4 + 0 * np.eye(3), 0.08, {"all": {4: 1}})
    torch.manual_seed(0)
    module = build(config, steps=steps).eval().requires_grad_(requires_grad=False)
    return Checkpoint(module, config, None, "")  # type: ignore[arg-type]


class Exact(MatterGenDiffusion):
    """Independent normal cells, wrapped-normal positions and given types, with exact transitions.

    The step from t to s draws from p(x_s|x_t), and the corrector leaves p_t as it is, so that at any
    number of steps the sampler must draw from the distribution itself. Upstream's own lattice predictor
    would not do: it draws one number per crystal as the noise of all nine elements.
    """

    def __init__(self, steps: int) -> None:
        super().__init__(untrained(steps), properties={}, guidance_factor=0.0)

    def score(self, state: State, t: Tensor) -> Score:  # noqa: ARG002
        """Zeros, and the exact posterior of the types; the transitions need no more."""
        logits = torch.full((len(state.frac), 101), -1e10)
        for number, share in SHARES.items():
            logits[:, number - 1] = math.log(share)
        return Score(torch.zeros_like(state.frac), torch.zeros_like(state.cell), logits)

    def predict(self, state: State, score: Score, t: Tensor) -> tuple[State, State]:
        """x_s given x_t, twice: the mean is a sample as well."""
        late, early = self.kernel(state, t), self.kernel(state, t, steps_later=1)
        gain, rest = self._gain(late, early)
        cell = self._centre(early) + gain * (state.cell - self._centre(late))
        cell = cell + rest.sqrt() * symmetric_noise(cell)
        place, wide = self._image(state, late), early.sigma**2 + WIDTH**2
        whole = late.sigma**2 + WIDTH**2
        spread = (wide * (whole - wide) / whole).clamp_min(0).sqrt()
        frac = PLACE + wide / whole * place + spread * torch.randn_like(place)
        types, _ = super().predict(state, score, t)
        found = state.with_fields(torch.remainder(frac, 1.0), cell, types.numbers)
        return found, found

    def correct(self, state: State, score: Score, t: Tensor) -> State:  # noqa: ARG002
        """A step of a Markov chain whose stationary distribution is p_t."""
        kernel, keep = self.kernel(state, t), 0.8
        centre, stir = self._centre(kernel), (1 - keep**2) ** 0.5
        cell = centre + keep * (state.cell - centre)
        cell = cell + stir * self._spread(kernel).sqrt() * symmetric_noise(cell)
        wide = (kernel.sigma**2 + WIDTH**2).sqrt()
        frac = PLACE + keep * self._image(state, kernel) + stir * wide * torch.randn_like(state.frac)
        return state.with_fields(torch.remainder(frac, 1.0), cell, state.numbers)

    def _centre(self, kernel: Kernel) -> Tensor:
        return kernel.alpha * MEAN + (1 - kernel.alpha) * kernel.limit

    def _spread(self, kernel: Kernel) -> Tensor:
        return (1 - kernel.alpha**2) * kernel.variance + (kernel.alpha * STD) ** 2

    def _gain(self, late: Kernel, early: Kernel) -> tuple[Tensor, Tensor]:
        step, now, then = late.alpha / early.alpha, self._spread(late), self._spread(early)
        return step * then / now, (then - step**2 * then**2 / now).clamp_min(0)

    def _image(self, state: State, kernel: Kernel) -> Tensor:
        """Distance from the mean place, with the image drawn from its posterior."""
        variance = kernel.sigma**2 + WIDTH**2
        reach = math.ceil(6 * float(variance.max()) ** 0.5)
        away = (state.frac - PLACE)[..., None] + torch.arange(-reach, reach + 1.0)
        weights = torch.softmax(-(away**2) / (2 * variance[..., None]), dim=-1)
        chosen = torch.multinomial(weights.flatten(0, 1), 1)
        return away.flatten(0, 1).gather(1, chosen).reshape(state.frac.shape)


@pytest.fixture(scope="module")
def exact() -> Exact:
    return Exact(steps=12)


@pytest.mark.slow
@pytest.mark.parametrize(("recurrence", "algorithm"), [(1, 2), (2, 2), (3, 2), (1, 1), (2, 1), (3, 1)])
def test_recurrence_does_not_change_what_is_sampled(exact: Exact, recurrence: int, algorithm: int) -> None:
    torch.manual_seed(recurrence + 10 * algorithm)
    found = denoise(
        exact,
        exact.prior([ATOMS] * COPIES),
        exact.score,
        options=LoopOptions(recurrence, 1.1, algorithm),
        watch=lambda state, _: state,
    )
    n = COPIES**0.5
    assert torch.allclose(found.cell.mean(dim=0), MEAN, atol=4.5 * STD / n)
    assert torch.allclose(found.cell.std(dim=0), torch.full((3, 3), STD), rtol=4.5 / (2**0.5 * n))
    away = found.frac - PLACE
    away = away - away.round()
    n = (3 * ATOMS * COPIES) ** 0.5
    assert float(away.mean().abs()) < 4 * WIDTH / n
    assert float(away.std()) == pytest.approx(WIDTH, rel=4 / (2**0.5 * n))
    for number, share in SHARES.items():
        margin = 4 * (share * (1 - share) / (ATOMS * COPIES)) ** 0.5
        assert float((found.numbers == number).float().mean()) == pytest.approx(share, abs=margin)


@pytest.fixture(scope="module")
def few() -> Checkpoint:
    return untrained(steps=7)


@pytest.mark.parametrize("known", [True, False], ids=["known", "masked"])
def test_type_posterior_at_few_steps_is_the_product_of_matrices(few: Checkpoint, *, known: bool) -> None:
    """q(x_s|x_t, x_0) of the closed form equals Bayes' rule with the transition matrices multiplied."""
    d3pm = few.module.diffusion_module.corruption.discrete_corruptions["atomic_numbers"].d3pm
    mask = d3pm.dim - 1
    steps = [d3pm.get(torch.tensor([k]))[0].double() for k in range(7)]  # column: from, row: to
    x_0 = torch.zeros(d3pm.dim)
    x_0[[2, 7, 26]] = torch.tensor([0.2, 0.5, 0.3])
    x_t = torch.tensor([7 if known else mask])
    for level in range(1, 6 if known else 7):  # at the last level every type is masked
        found, _ = d3pm.sample_and_compute_posterior_q(
            x_0=x_0[None], t=torch.tensor([level]), make_one_hot=False, samples=x_t, return_logits=True
        )
        marginal = torch.eye(d3pm.dim).double()
        for step in steps[:level]:
            marginal = step @ marginal
        expected = steps[level][x_t[0]] * (marginal @ x_0.double())
        expected = expected / expected.sum()
        assert torch.allclose(torch.softmax(found[0].double(), dim=0), expected, atol=1e-5)
