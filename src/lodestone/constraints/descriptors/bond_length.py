"""Length of the bonds between two elements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from lodestone.constraints.pair_term import TAIL, PairTerm
from lodestone.constraints.targets import Bounds, Target
from lodestone.constraints.term import Positive

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate


class BondLength(PairTerm):
    """Distance between `center` and `neighbor` atoms: the shortest, or the mean within `cutoff`.

    Smooth: Σ u d / Σ u over all pairs and images with u = w_iA w_jB exp(-d/width) for `shortest` and
    u = w_iA w_jB σ((r_c - d)/width) for `mean`. Where no pair is within the cutoff, `mean` falls back
    on the nearest pairs, so that they can be drawn together. Hard: the shortest distance, or the mean
    of those within the cutoff.
    """

    unit: ClassVar[str] = "Å"
    example: ClassVar[Mapping[str, Any]] = {"center": "Co", "neighbor": "O", "target": [1.8, 2.1]}

    kind: Literal["bond_length"] = "bond_length"
    mode: Literal["shortest", "mean"] = Field("mean", description="Which length counts.")
    target: Annotated[Target, Bounds(above=0)] = Field(description="Length asked for, Å.")
    width: Positive = Field(0.05, description="Softness of the minimum or of the cutoff, Å.")

    def describe(self) -> str:
        """The term in words."""
        which = "shortest" if self.mode == "shortest" else "mean"
        where = "" if self.mode == "shortest" else f" {self.within()}"
        return f"{which} {self.center}-{self.neighbor} distance{where} {self.target.words()} Å"

    def smooth(self, clean: CleanEstimate) -> Tensor:
        """Soft minimum or mean, (n_structures,); 0 without such a pair."""
        import torch

        from lodestone.constraints.clean import pairs_of_all

        cutoff = self.resolved_cutoff()
        center, neighbor = self.weights(clean)
        pairs = pairs_of_all(clean, cutoff + TAIL * self.width, self.present(clean))
        far = pairs.distance / self.width
        shape = -far if self.mode == "shortest" else torch.nn.functional.logsigmoid(cutoff / self.width - far)
        score = shape + torch.log(center[pairs.i] * neighbor[pairs.j])
        structure = clean.structure_idx[pairs.i]
        highest = score.new_full((clean.n_structures,), -torch.inf)
        highest = highest.scatter_reduce(0, structure, score.detach(), "amax")
        share = torch.exp(score - highest[structure])
        zeros = share.new_zeros(clean.n_structures)
        total = zeros.index_add(0, structure, share * pairs.distance)
        return total / zeros.index_add(0, structure, share).clamp_min(1e-12)

    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """Exact length; None without such a pair (`mean`: within the cutoff) or in a broken cell."""
        from lodestone.structures.neighbours import distances_between, shortest_distance

        if self.mode == "shortest":
            return shortest_distance(numbers, cell, frac, *self.numbers)
        found = distances_between(numbers, cell, frac, *self.numbers, self.resolved_cutoff())
        return None if found is None or not len(found) else float(found.mean())
