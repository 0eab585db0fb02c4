"""Lengths, angles and aspect ratio of the cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from lodestone.constraints.targets import Bounds, Target
from lodestone.constraints.term import Term

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate

LENGTHS, ANGLES = ("a", "b", "c"), ("alpha", "beta", "gamma")
FLAT = 1e-7  # how close a cosine comes to ±1, where the slope of the arc cosine is infinite


class Lattice(Term):
    """A length, an angle or the aspect ratio (longest over shortest length) of the cell as it is.

    A crystal has many cells: these numbers belong to the basis that was sampled, are not those of a
    reduced or conventional cell, and change when a structure is symmetrised. Reduced cells are left
    out: their angles jump where the reduction changes, and no smooth value agrees with that.
    """

    example: ClassVar[Mapping[str, Any]] = {"quantity": "aspect_ratio", "target": {"lower": 1.5}}

    kind: Literal["lattice"] = "lattice"
    quantity: Literal["a", "b", "c", "alpha", "beta", "gamma", "aspect_ratio"] = Field(
        description="Length of a cell vector, angle between the other two, or longest over shortest length."
    )
    target: Annotated[Target, Bounds(above=0)] = Field(description="What is asked for: Å, ° or a ratio.")

    @property
    def unit(self) -> str:  # type: ignore[override]  # of the quantity
        """Å for lengths, ° for angles, none for the aspect ratio."""
        return "Å" if self.quantity in LENGTHS else "°" if self.quantity in ANGLES else ""

    def describe(self) -> str:
        """The term in words."""
        unit = {"Å": " Å", "°": "°", "": ""}[self.unit]
        return f"{self.quantity.replace('_', ' ')} of the cell {self.target.words()}{unit}"

    def smooth(self, clean: CleanEstimate) -> Tensor:
        """The quantity, (n_structures,)."""
        import torch

        cell = clean.cell
        lengths = torch.sqrt((cell**2).sum(dim=2) + 1e-12)
        if self.quantity in LENGTHS:
            return lengths[:, LENGTHS.index(self.quantity)]
        if self.quantity == "aspect_ratio":
            return lengths.amax(dim=1) / lengths.amin(dim=1)
        k = ANGLES.index(self.quantity)
        i, j = (k + 1) % 3, (k + 2) % 3
        cosine = (cell[:, i] * cell[:, j]).sum(dim=1) / (lengths[:, i] * lengths[:, j])
        return torch.rad2deg(torch.arccos(cosine.clamp(FLAT - 1, 1 - FLAT)))

    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """The quantity; None in a broken cell."""
        import numpy as np

        del numbers, frac
        lengths = np.linalg.norm(cell, axis=1)
        if not np.isfinite(lengths).all() or lengths.min() == 0:
            return None
        if self.quantity in LENGTHS:
            return float(lengths[LENGTHS.index(self.quantity)])
        if self.quantity == "aspect_ratio":
            return float(lengths.max() / lengths.min())
        k = ANGLES.index(self.quantity)
        i, j = (k + 1) % 3, (k + 2) % 3
        cosine = cell[i] @ cell[j] / (lengths[i] * lengths[j])
        return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
