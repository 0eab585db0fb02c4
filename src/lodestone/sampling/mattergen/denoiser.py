"""MatterGen's denoiser with a preconditioned lattice output, for checkpoints too small without it.

A small graph network sees no lattice vector longer than its cutoff, so its restoring force on the
lattice collapses outside the training data, and the reverse variance-preserving process, which
expands L - m by 1/a at every step, then runs away. Here the network's lattice output is the
residual of an exact Gaussian prior, as in Karras et al. (arXiv 2206.00364): with k = n^(1/3),
L₀ ~ N(k M, (k T)²) element-wise and x = a L₀ + (1 - a) m + s z,

    score · s = -s (L - a k M - (1 - a) m) / (s² + (a k T)²)
                + sqrt((a k T)² / (s² + (a k T)²)) · network,

which is exact for the prior alone at any distance from the data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lodestone.sampling.mattergen import compat

compat.install()

import torch  # noqa: E402
from mattergen.adapter import GemNetTAdapter  # noqa: E402

if TYPE_CHECKING:
    from mattergen.common.data.chemgraph import ChemGraph
    from torch import Tensor


class PreconditionedDenoiser(GemNetTAdapter):
    """GemNetTAdapter whose lattice output is the residual of a Gaussian lattice prior.

    cell_mean, cell_std: element-wise mean M and standard deviation T of L₀ / n^(1/3) over the
    training set, (3, 3) in Å. The other four numbers repeat the lattice corruption's own.
    """

    def __init__(  # the names of a published format
        self,
        *args: Any,
        cell_mean: list[list[float]],
        cell_std: list[list[float]],
        limit_density: float,
        limit_var_scaling_constant: float = 0.25,
        beta_min: float = 0.1,
        beta_max: float = 20.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("cell_mean", torch.tensor(cell_mean), persistent=False)
        self.register_buffer("cell_std", torch.tensor(cell_std), persistent=False)
        self._limit = limit_density ** (-1 / 3)
        self._variance = limit_var_scaling_constant
        self._beta = (beta_min, beta_max)

    def forward(self, x: ChemGraph, t: Tensor) -> ChemGraph:
        """Noise predictions for every field; the lattice's is preconditioned."""
        output = super().forward(x, t)
        cell = precondition(
            output["cell"],
            x["cell"],
            t,
            x["num_atoms"],
            moments=(self.cell_mean, self.cell_std),
            limit=(self._limit, self._variance),
            beta=self._beta,
        )
        return output.replace(cell=cell)


def precondition(
    network: Tensor,
    cell: Tensor,
    t: Tensor,
    n_atoms: Tensor,
    *,
    moments: tuple[Tensor, Tensor],
    limit: tuple[float, float],
    beta: tuple[float, float],
) -> Tensor:
    """Score times std of the lattice, (n_structures, 3, 3), from the network's residual.

    `limit`: edge of the limit cell per n^(1/3) (Å) and the limit variance per n^(2/3) (Å²).
    """
    t = t[:, None, None]
    k = n_atoms[:, None, None].to(cell.dtype) ** (1 / 3)
    a = torch.exp(-0.25 * t**2 * (beta[1] - beta[0]) - 0.5 * t * beta[0])
    s2 = (1 - a**2) * limit[1] * k**2
    mean, std = moments
    centre = a * k * mean + (1 - a) * limit[0] * k * torch.eye(3, device=cell.device)
    spread = (a * k * std) ** 2
    total = s2 + spread
    return -torch.sqrt(s2) * (cell - centre) / total + torch.sqrt(spread / total) * network
