"""TF32 in dense layers alone, forward and backward, and the emulation of its rounding."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.tf32 import run as emulation
from lodestone.sampling.job import load_model
from lodestone.sampling.mattergen import tf32

PRODUCTS = {"aten.mm.default", "aten.addmm.default", "aten.bmm.default", "aten.baddbmm.default"}
SHAPES = {"aten.t.default", "aten.view.default", "aten._unsafe_view.default"}


def switch() -> bool:
    return bool(torch.backends.cuda.matmul.allow_tf32)


class Watched(TorchDispatchMode):
    """Which operations run while the switch is on, and which products while it is off."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: Counter[str] = Counter()
        self.outside: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if switch():
            self.inside[str(func)] += 1
        elif str(func) in PRODUCTS:
            self.outside[str(func)] += 1
        return func(*args, **(kwargs or {}))


def small() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.SiLU(), torch.nn.Linear(7, 3, bias=False))


def test_every_linear_layer_is_dense_and_a_cpu_computes_the_same() -> None:
    network, values = small(), torch.randn(4, 5)
    plain = network(values)
    assert tf32.dense(network) == 2
    assert torch.equal(network(values), plain)


@pytest.mark.parametrize("frozen", [True, False])
def test_gradients_are_those_of_a_linear_layer(frozen: bool) -> None:
    values = torch.randn(2, 4, 5, requires_grad=True)
    plain, other = small(), small()
    tf32.dense(other)
    slopes = []
    for network in (plain, other):
        network.requires_grad_(not frozen)
        wanted = [values] if frozen else [values, *network.parameters()]
        slopes.append(torch.autograd.grad((network(values) ** 2).sum(), wanted))
    for a, b in zip(*slopes, strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_switch_is_put_back_after_an_error() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        tf32.product(torch.ones(2, 3), torch.ones(4, 5), None)
    assert not switch()


def test_an_outer_switch_that_is_on_stays_on() -> None:
    with tf32.allowed():
        tf32.product(torch.ones(2, 3), torch.ones(4, 3), None)
        assert switch()
    assert not switch()


def job(**more: Any) -> dict[str, Any]:
    return {
        "chemical_system": "Co-Li-O",
        "model": {"checkpoint": "embedded", "guidance_factor": 1.0},
        "sampling": {"steps": 10, "corrector": "upstream"} | more,
    }


@pytest.mark.slow
def test_nothing_but_the_products_of_dense_layers_sees_the_switch() -> None:
    """A score, its gradient, a corrector and a predictor step of the embedded checkpoint."""
    plain, _ = load_model(job(), "cpu")
    model, _ = load_model(job(tf32=True), "cpu")
    layers = [m for m in model._module.model.modules() if isinstance(m, torch.nn.Linear)]
    torch.manual_seed(1)
    state, t = plain.prior([3, 5]), plain.times[4]
    scores, watched = [], Watched()
    for diffusion, mode in ((plain, None), (model, watched)):
        leaves = state.frac.clone().requires_grad_(), state.cell.clone().requires_grad_()
        noisy = state.with_fields(*leaves, state.numbers)
        if mode is not None:
            mode.__enter__()
        score = diffusion.score(noisy, t)
        forward = Counter(watched.inside)
        slope = torch.autograd.grad((score.frac**2).sum() + score.cell.sum(), leaves)
        diffusion.predict(diffusion.correct(state, score, t), score, t)
        if mode is not None:
            mode.__exit__(None, None, None)
        scores.append((score, slope))
    for name in ("frac", "cell", "logits"):
        assert torch.equal(getattr(scores[0][0], name), getattr(scores[1][0], name))
    for a, b in zip(scores[0][1], scores[1][1], strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4 * float(a.abs().max()))
    assert set(watched.inside) - PRODUCTS <= SHAPES
    products = sum(n for name, n in watched.inside.items() if name in PRODUCTS)
    ahead = sum(n for name, n in forward.items() if name in PRODUCTS)
    assert len(layers) / 2 < ahead  # some layers serve conditions that are not asked for
    assert products > 1.5 * ahead  # and the gradient goes through most of them
    assert watched.outside["aten.bmm.default"] > 10  # lattices, distances, bases and what mixes them


NORMAL = st.floats(width=32, min_value=2.0**-120, max_value=2.0**120)


@settings(max_examples=100, deadline=None)
@given(NORMAL, st.sampled_from([1.0, -1.0]))
def test_rounding_is_to_the_nearest_of_ten_bits(size: float, sign: float) -> None:
    found = float(emulation.rounded(torch.tensor([sign * size]))[0])
    unit = 2.0 ** (int(np.frexp(size)[1]) - 11)  # of the last bit that is left
    assert abs(found - sign * size) <= unit / 2
    assert found / unit == int(found / unit)


def test_what_is_not_a_number_stays_so() -> None:
    odd = torch.tensor([float("inf"), -float("inf"), float("nan"), 0.0, -0.0])
    found: Tensor = emulation.rounded(odd)
    assert torch.equal(found.nan_to_num(7.0), odd.nan_to_num(7.0))


def test_the_emulated_product_rounds_both_sides_forward_and_backward() -> None:
    network, values = small().double().float(), torch.randn(6, 5, requires_grad=True)
    plain = network(values)
    (slope,) = torch.autograd.grad(plain.sum(), values)
    tf32.dense(network, emulation.product)
    found = network(values)
    (other,) = torch.autograd.grad(found.sum(), values)
    first = emulation.rounded(values) @ emulation.rounded(network[0].weight).t() + network[0].bias
    expected = emulation.rounded(network[1](first)) @ emulation.rounded(network[2].weight).t()
    assert torch.allclose(found, expected, rtol=1e-6, atol=1e-7)
    assert not torch.equal(found, plain)
    assert 0 < float((other - slope).norm() / slope.norm()) < 1e-2


def test_the_benchmark_finds_a_difference_where_there_is_one() -> None:
    rng = np.random.default_rng(1)
    one = rng.normal(size=400)
    value, low, high = emulation.difference(one + 0.1, one, paired=True)
    assert value == pytest.approx(0.1)
    assert low == pytest.approx(high)
    value, low, high = emulation.difference(one + 1.0, rng.normal(size=300), paired=False)
    assert low < value < high
    assert low > 0.5
    assert emulation.formulas_p(["A"] * 30 + ["B"] * 10, ["A"] * 10 + ["B"] * 30) < 0.01
    assert emulation.formulas_p(["A", "B"] * 20, ["B", "A"] * 20) > 0.5
