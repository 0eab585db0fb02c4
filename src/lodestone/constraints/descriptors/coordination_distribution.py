"""Distribution of the neighbour counts of one element by another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from lodestone.constraints.pair_term import NEGLIGIBLE, PairTerm
from lodestone.constraints.shares import Shares

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate

ROUND = 1e-6  # added to every share in the smooth Jensen-Shannon distance, whose slope is infinite at 0
PULL = 1e-3  # part of the Wasserstein distance in the smooth Jensen-Shannon distance


class CoordinationDistribution(PairTerm):
    """Distance of the neighbour counts of the `center` atoms from a distribution; 0 is a perfect match.

    `wasserstein`: Σ_k |P(count <= k) - Q(count <= k)|, how many neighbours per centre have to change.
    `jensen_shannon`: square root of the Jensen-Shannon divergence in bits, 0 to 1.
    Smooth: the soft count of each centre is shared between its two neighbouring integers (so that the
    mean is kept), weighted by its probability to be a centre; to `jensen_shannon`, which is flat where
    the distributions do not overlap, a thousandth of `wasserstein` is added, so that it guides there
    too. Hard: the histogram of integer counts.
    """

    example: ClassVar[Mapping[str, Any]] = {"center": "Co", "neighbor": "O", "target": {"4": 0.5, "6": 0.5}}

    kind: Literal["coordination_distribution"] = "coordination_distribution"
    target: Shares = Field(description="Share of the centres by number of neighbours; shares add up to 1.")
    metric: Literal["wasserstein", "jensen_shannon"] = Field(
        "wasserstein", description="Distance of the two distributions."
    )

    @property
    def unit(self) -> str:  # type: ignore[override]  # of the metric
        """`neighbours` for wasserstein, none for jensen_shannon."""
        return "neighbours" if self.metric == "wasserstein" else ""

    @property
    def is_thin(self) -> bool:
        """A histogram can be met exactly."""
        return False

    def describe(self) -> str:
        """The term in words."""
        shares = f"{self.target.words()} {self.neighbor} around {self.center} {self.within()}"
        return f"{shares}, by {self.metric.replace('_', '-')} distance"

    def smooth(self, clean: CleanEstimate) -> Tensor:
        """Soft distance, (n_structures,); without any centre that of no mass at all."""
        import torch

        center, _ = self.weights(clean)
        counts = self.soft_counts(clean)
        highest = int(max(self.target.highest, counts.detach().max().ceil() if len(counts) else 0)) + 1
        levels = torch.arange(highest + 1, device=counts.device, dtype=counts.dtype)
        mass = center[:, None] * (1 - (counts[:, None] - levels).abs()).clamp_min(0)
        total = clean.sum_atoms(center).clamp_min(NEGLIGIBLE)
        zeros = mass.new_zeros(clean.n_structures, highest + 1)
        found = zeros.index_add(0, clean.structure_idx, mass) / total[:, None]
        wanted = torch.tensor(self.target.dense(highest + 1), device=found.device, dtype=found.dtype)
        moved = torch.cumsum(found - wanted, dim=1)[:, :-1].abs().sum(dim=1)
        if self.metric == "wasserstein":
            return moved
        p, q = found + ROUND, (wanted + ROUND).expand_as(found)
        middle = 0.5 * (p + q)
        bits = 0.5 * (p * torch.log2(p / middle) + q * torch.log2(q / middle)).sum(dim=1)
        return torch.sqrt(bits.clamp_min(0) + 1e-12) + PULL * moved

    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """Distance of the exact histogram; None without any centre or in a broken cell."""
        import numpy as np

        from lodestone.structures.neighbours import neighbour_counts

        if not (numbers == self.numbers[0]).any():
            return None
        counts = neighbour_counts(numbers, cell, frac, *self.numbers, self.resolved_cutoff())
        if counts is None:
            return None
        length = max(self.target.highest, int(counts.max())) + 1
        found = np.bincount(counts, minlength=length) / len(counts)
        wanted = np.array(self.target.dense(length))
        if self.metric == "wasserstein":
            return float(np.abs(np.cumsum(found - wanted)[:-1]).sum())
        middle = 0.5 * (found + wanted)
        parts = [0.5 * x[x > 0] * np.log2(x[x > 0] / middle[x > 0]) for x in (found, wanted)]
        return float(np.sqrt(max(0.0, sum(part.sum() for part in parts))))
