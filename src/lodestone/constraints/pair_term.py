"""Terms about one element around another: their keys, their cutoff, and soft neighbour counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_serializer

from lodestone.constraints.term import Positive, Term
from lodestone.structures.elements import NUMBERS, default_cutoff

if TYPE_CHECKING:
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate, Pairs

Element = Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")]
TAIL = 5.0  # widths beyond the cutoff after which a neighbour counts less than 1 %
NEGLIGIBLE = 1e-4  # species probability below which an atom is left out


class PairTerm(Term):
    """What terms about `center` and `neighbor` share; settings that are dumped hold the resolved cutoff."""

    center: Element = Field(description="Element whose neighbours are looked at.")
    neighbor: Element = Field(description="Element of the neighbours.")
    cutoff: Positive | None = Field(
        None,
        le=10.0,
        description="Distance up to which an atom is a neighbour, Å; default: sum of the covalent radii "
        "(Cordero 2008) + 1.0 Å, recorded in the results.",
    )
    width: Positive = Field(0.12, description="Softness of the cutoff in the smooth count, Å.")

    @property
    def elements(self) -> tuple[str, ...]:
        """Centre and neighbour."""
        return (self.center, self.neighbor)

    @property
    def numbers(self) -> tuple[int, int]:
        """Atomic numbers of centre and neighbour."""
        return NUMBERS[self.center], NUMBERS[self.neighbor]

    def resolved_cutoff(self) -> float:
        """The cutoff in Å, the default filled in."""
        return default_cutoff(self.center, self.neighbor) if self.cutoff is None else self.cutoff

    @field_serializer("cutoff")
    def _recorded(self, cutoff: float | None) -> float:
        del cutoff
        return self.resolved_cutoff()

    def within(self) -> str:
        """The cutoff in words."""
        default = " (radii + 1 Å)" if self.cutoff is None else ""
        return f"within {self.resolved_cutoff():g} Å{default}"

    def weights(self, clean: CleanEstimate) -> tuple[Tensor, Tensor]:
        """Probabilities (n_atoms,) of every atom to be the centre's and the neighbour's element."""
        center, neighbor = (clean.types[:, number - 1] for number in self.numbers)
        return center, neighbor

    def pairs(self, clean: CleanEstimate, reach: float) -> Pairs:
        """Pairs of possible centres and neighbours closer than `reach`, Å."""
        from lodestone.constraints.clean import neighbour_pairs

        return neighbour_pairs(clean, reach, self.present(clean))

    def present(self, clean: CleanEstimate) -> Tensor:
        """`weights` without gradient, (n_atoms, 2); 0 where negligible."""
        import torch

        weights = torch.stack(self.weights(clean), dim=1).detach()
        return torch.where(weights > NEGLIGIBLE, weights, 0.0)

    def soft_counts(self, clean: CleanEstimate) -> Tensor:
        """Soft number of neighbours of every atom that may be a centre, (n_atoms,).

        Σ_j w_jB σ((r_c - d_ij)/width) over all images within r_c + 5 widths.
        """
        import torch

        cutoff = self.resolved_cutoff()
        center, neighbor = self.weights(clean)
        pairs = self.pairs(clean, cutoff + TAIL * self.width)
        count = torch.sigmoid((cutoff - pairs.distance) / self.width)
        return torch.zeros_like(center).index_add(0, pairs.i, neighbor.index_select(0, pairs.j) * count)
