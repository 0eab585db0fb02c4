"""TF32 for the network's dense layers, and for nothing else.

A GPU with tensor cores multiplies float32 matrices several times faster where it may round their entries to
ten bits behind the leading one; sums stay float32. A learned layer bears that. Lattices, distances and bases,
the terms of guidance and the steps of the diffusion do not, so torch's switch, which is one for the whole
process, is on only while a dense layer's own product is computed.

The gradient of a layer is computed after its forward pass is over, by autograd; the function below therefore
brings its own backward pass, whose products are the same kind. `dense` takes another product than the
GPU's, which is how `python -m benchmarks tf32` emulates the rounding on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Product = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""As `torch.nn.functional.linear`: input (..., k), weight (m, k) and bias (m,) or None give (..., m)."""


@contextmanager
def allowed() -> Iterator[None]:
    """Let CUDA's float32 matrix products be TF32 inside."""
    switches = torch.backends.cuda.matmul  # the older of torch's two switches, which sets both consistently
    before = switches.allow_tf32
    switches.allow_tf32 = True
    try:
        yield
    finally:
        switches.allow_tf32 = before


def product(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The linear map of a dense layer, in TF32 on a GPU that can; on a CPU the usual one."""
    with allowed():
        return torch.nn.functional.linear(values, weight, bias)


class Linear(torch.autograd.Function):
    """A linear map whose forward and backward products are both a given one."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor | None, multiply: Product) -> Tensor:
        """The map; see `Product`."""
        ctx.multiply = multiply
        ctx.save_for_backward(values if ctx.needs_input_grad[1] else None, weight)
        return multiply(values, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Any:
        """Gradients with respect to values, weight and bias, as far as they are asked for."""
        values, weight = ctx.saved_tensors
        rows = slope.reshape(-1, slope.shape[-1])
        on_values, on_weight, on_bias, _ = ctx.needs_input_grad
        return (
            ctx.multiply(slope, weight.t(), None) if on_values else None,
            ctx.multiply(rows.t(), values.reshape(-1, values.shape[-1]).t(), None) if on_weight else None,
            rows.sum(dim=0) if on_bias else None,
            None,
        )


def dense(network: torch.nn.Module, multiply: Product = product) -> int:
    """Let every dense layer of a network use a product; returns how many there are.

    Those are its `torch.nn.Linear`, which MatterGen's own `Dense` holds too.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
    for layer in layers:
        layer.forward = _forward(layer, multiply)
    return len(layers)


def _forward(layer: torch.nn.Linear, multiply: Product) -> Callable[[Tensor], Tensor]:
    def forward(values: Tensor) -> Tensor:
        found: Tensor = Linear.apply(values, layer.weight, layer.bias, multiply)
        return found

    return forward
