"""What guidance minimises: one constraint, as differentiable gap and loss of a clean estimate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lodestone.constraints.targets import combine, distance

if TYPE_CHECKING:
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate
    from lodestone.constraints.term import Term


@dataclass(frozen=True)
class Objective:
    """The terms of a constraint and the power of the norm that combines them."""

    terms: Sequence[Term]
    power: float = 2.0

    def gap(self, clean: CleanEstimate) -> Tensor:
        """How far each structure is from the targets, l_p over weighted terms, (n_structures,)."""
        return self._combined(clean, "l1")

    def loss(self, clean: CleanEstimate) -> Tensor:
        """The loss with each term's own distance, (n_structures,)."""
        return self._combined(clean, None)

    def _combined(self, clean: CleanEstimate, name: str | None) -> Tensor:
        losses = [
            distance(term.gap(term.smooth(clean)), name or term.distance, term.delta) for term in self.terms
        ]
        combined: Tensor = combine(losses, [term.weight for term in self.terms], self.power)
        return combined
