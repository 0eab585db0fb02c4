"""Mass density."""

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

GRAMS_PER_CM3 = 1.66053906660  # of one unified atomic mass unit per Å³ (CODATA 2018)


class Density(Term):
    """Mass of the cell divided by its volume.

    Smooth: the mass of an atom is the mean over its species probabilities. Hard: of its element.
    """

    unit: ClassVar[str] = "g/cm³"
    example: ClassVar[Mapping[str, Any]] = {"target": {"lower": 4.5}}

    kind: Literal["density"] = "density"
    target: Annotated[Target, Bounds(above=0)] = Field(description="Density asked for, g/cm³.")

    def describe(self) -> str:
        """The term in words."""
        return f"density {self.target.words()} g/cm³"

    def smooth(self, clean: CleanEstimate) -> Tensor:
        """Σ_i Σ_Z w_iZ m_Z / |det L|, (n_structures,)."""
        import torch
        from ase.data import atomic_masses

        known = atomic_masses[1 : clean.types.shape[1] + 1]
        masses = torch.as_tensor(known, dtype=clean.types.dtype, device=clean.types.device)
        volume = torch.linalg.det(clean.cell).abs()
        return GRAMS_PER_CM3 * clean.sum_atoms(clean.types @ masses) / volume

    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """Mass over volume; None in a broken cell or with an atom of no element."""
        import numpy as np
        from ase.data import atomic_masses

        del frac
        if ((numbers < 1) | (numbers >= len(atomic_masses))).any():
            return None
        volume = float(abs(np.linalg.det(cell))) if np.isfinite(cell).all() else 0.0
        if volume == 0:
            return None
        return GRAMS_PER_CM3 * float(atomic_masses[numbers].sum()) / volume
