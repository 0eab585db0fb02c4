"""Shortest contact of all, in units of the covalent radii."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from lodestone.constraints.targets import Bounds, Target
from lodestone.constraints.term import Term
from lodestone.structures.elements import RADII

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate

FIRST_LOOK = 1.0  # distance over radii up to which contacts are looked for first


class MinDistance(Term):
    """Shortest distance of any two atoms (or images) divided by the sum of their covalent radii.

    Smooth: where contacts are shorter than the least value asked for, T, it is T - sqrt(Σ (T - x)²)
    over these contacts (each once), so that every one of them is pushed apart, and a Gauss-Newton step
    closes all gaps at once; elsewhere it is the shortest x. It equals the hard value unless several
    contacts are too short, and is within the target exactly where the hard value is. Radii are means
    over the species probabilities. Hard: the shortest x.
    """

    unit: ClassVar[str] = ""
    example: ClassVar[Mapping[str, Any]] = {"target": {"higher": 0.7}}

    kind: Literal["min_distance"] = "min_distance"
    target: Annotated[Target, Bounds(above=0, most=2)] = Field(
        description="Shortest contact asked for, in sums of covalent radii (Cordero 2008)."
    )

    def describe(self) -> str:
        """The term in words."""
        return f"shortest contact {self.target.words()} times the sum of covalent radii"

    def smooth(self, clean: CleanEstimate) -> Tensor:
        """Soft shortest contact, (n_structures,); 0 in a broken cell."""
        import torch

        from lodestone.constraints.clean import pairs_of_all

        known = clean.types.new_tensor(list(RADII.values()))[: clean.types.shape[1]]
        radii = clean.types[:, : len(known)] @ known
        least = self.spans()[0][0] or 0.0
        # within `reach` lie all contacts of x < FIRST_LOOK or `least`: the shortest x is among them
        widest = 2 * float(radii.detach().max())
        pairs = pairs_of_all(clean, max(FIRST_LOOK, least) * widest)
        structure = clean.structure_idx[pairs.i]
        x = pairs.distance / (radii[pairs.i] + radii[pairs.j])
        zeros = x.new_zeros(clean.n_structures)
        shortest = zeros.scatter_reduce(0, structure, x, "amin", include_self=False)
        hinge = zeros.index_add(0, structure, 0.5 * (least - x).clamp_min(0) ** 2)
        short = hinge > 0
        norm = torch.sqrt(torch.where(short, hinge, 1.0))
        return torch.where(short, least - norm, shortest)

    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """Exact shortest contact; None in a broken cell or with an atom of no element."""
        from lodestone.structures.neighbours import shortest_contact

        if not len(numbers) or numbers.min() < 1 or numbers.max() > len(RADII):
            return None
        import numpy as np

        return shortest_contact(cell, frac, np.array(list(RADII.values()))[numbers - 1])
