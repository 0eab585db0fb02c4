"""Mean coordination of one element by another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from lodestone.constraints.term import Positive, Term

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate

Element = Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")]
TAIL = 5.0  # widths beyond the cutoff after which a neighbour counts less than 1 %
NEGLIGIBLE = 1e-4  # species probability below which an atom is left out


class Coordination(Term):
    """Mean number of `neighbor` atoms within `cutoff` of each `center` atom.

    Smooth: Σ_i w_iA Σ_j w_jB σ((r_c - d_ij)/width) / Σ_i w_iA with the species probabilities w.
    Hard: the mean integer count.
    """

    unit: ClassVar[str] = ""

    kind: Literal["coordination"] = "coordination"
    center: Element = Field(description="Element whose neighbours are counted.")
    neighbor: Element = Field(description="Element that is counted.")
    target: Annotated[float, Field(ge=0)] = Field(description="Mean number of neighbours asked for.")
    cutoff: Positive | None = Field(
        None,
        le=10.0,
        description="Distance up to which an atom is a neighbour, Å; default: sum of the covalent "
        "radii + 1.0 Å.",
    )
    width: Positive = Field(0.12, description="Softness of the cutoff in the smooth count, Å.")

    @property
    def elements(self) -> tuple[str, ...]:
        """Centre and neighbour."""
        return (self.center, self.neighbor)

    def describe(self) -> str:
        """The term in words."""
        within = f"{self.cutoff:g} Å" if self.cutoff else "the default cutoff"
        return f"{self.target:g} {self.neighbor} around each {self.center} within {within}"

    def resolved_cutoff(self) -> float:
        """The cutoff in Å; the default is the sum of covalent radii (Cordero 2008) + 1.0 Å."""
        if self.cutoff is not None:
            return self.cutoff
        from ase.data import atomic_numbers, covalent_radii

        return float(
            covalent_radii[atomic_numbers[self.center]] + covalent_radii[atomic_numbers[self.neighbor]] + 1.0
        )

    def smooth(self, clean: CleanEstimate) -> Tensor:
        """Soft mean count, (n_structures,); 0 without any centre."""
        import torch

        from lodestone.constraints.clean import neighbour_pairs

        cutoff = self.resolved_cutoff()
        center, neighbor = (clean.types[:, _number(e) - 1] for e in self.elements)
        present = torch.stack([center.detach(), neighbor.detach()], dim=1)
        present = torch.where(present > NEGLIGIBLE, present, 0.0)
        pairs = neighbour_pairs(clean, cutoff + TAIL * self.width, present)
        count = torch.sigmoid((cutoff - pairs.distance) / self.width)
        per_center = torch.zeros_like(center).index_add(
            0, pairs.i, center[pairs.i] * neighbor[pairs.j] * count
        )
        return clean.sum_atoms(per_center) / clean.sum_atoms(center).clamp_min(NEGLIGIBLE)

    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """Mean integer count; None without any centre or in a broken cell."""
        from lodestone.structures.neighbours import neighbour_counts

        center, neighbor = (_number(e) for e in self.elements)
        if not (numbers == center).any():
            return None
        counts = neighbour_counts(numbers, cell, frac, center, neighbor, self.resolved_cutoff())
        return None if counts is None else float(counts.mean())


def _number(symbol: str) -> int:
    from ase.data import atomic_numbers

    return int(atomic_numbers[symbol])
