"""Mean coordination of one element by another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from lodestone.constraints.pair_term import NEGLIGIBLE, PairTerm
from lodestone.constraints.targets import Bounds, Target

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate


class Coordination(PairTerm):
    """Mean number of `neighbor` atoms within `cutoff` of each `center` atom.

    Smooth: Σ_i w_iA Σ_j w_jB σ((r_c - d_ij)/width) / Σ_i w_iA with the species probabilities w.
    Hard: the mean integer count.
    """

    unit: ClassVar[str] = ""
    example: ClassVar[Mapping[str, Any]] = {"center": "Co", "neighbor": "O", "target": 4}

    kind: Literal["coordination"] = "coordination"
    target: Annotated[Target, Bounds(least=0)] = Field(description="Mean number of neighbours asked for.")

    def describe(self) -> str:
        """The term in words."""
        return f"{self.target.words()} {self.neighbor} around each {self.center} {self.within()}"

    def smooth(self, clean: CleanEstimate) -> Tensor:
        """Soft mean count, (n_structures,); 0 without any centre."""
        center, _ = self.weights(clean)
        total = clean.sum_atoms(center * self.soft_counts(clean))
        return total / clean.sum_atoms(center).clamp_min(NEGLIGIBLE)

    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """Mean integer count; None without any centre or in a broken cell."""
        from lodestone.structures.neighbours import neighbour_counts

        if not (numbers == self.numbers[0]).any():
            return None
        counts = neighbour_counts(numbers, cell, frac, *self.numbers, self.resolved_cutoff())
        return None if counts is None else float(counts.mean())
