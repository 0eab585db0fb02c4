"""Distances from a gap to a loss, and the combination of several terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def scalar_distance(gap: float, name: str, delta: float) -> float:
    """Loss of one gap: |g|, g², or Huber (g²/2δ below δ, |g| - δ/2 above), in the gap's unit."""
    size = abs(gap)
    if name == "l1":
        return size
    if name == "l2":
        return size * size
    return size * size / (2 * delta) if size <= delta else size - delta / 2


def distance(gap: Tensor, name: str, delta: float) -> Tensor:
    """`scalar_distance` on a tensor of gaps."""
    import torch

    size = gap.abs()
    if name == "l1":
        return size
    if name == "l2":
        return size**2
    return torch.where(size <= delta, size**2 / (2 * delta), size - delta / 2)


def combine(losses: list[Any], weights: list[float], power: float) -> Any:
    """The l_p norm (Σ (w_k ℓ_k)^p)^(1/p) of weighted term losses (scalars or tensors)."""
    if len(losses) == 1:
        return weights[0] * losses[0]
    total = sum((w * loss) ** power for w, loss in zip(weights, losses, strict=True))
    tiny = 1e-12  # keeps the root differentiable where every term is met
    return (total + tiny) ** (1 / power)
