"""A descriptor in one file: atoms per volume."""

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


class NumberDensity(Term):
    """Atoms per volume of the cell."""

    unit: ClassVar[str] = "1/Å³"
    example: ClassVar[Mapping[str, Any]] = {"target": 0.1}

    kind: Literal["number_density"] = "number_density"
    target: Annotated[Target, Bounds(above=0)] = Field(description="Atoms per Å³ asked for.")
    scale: Annotated[float, Field(gt=0)] = Field(1.0, description="Factor on the value.")

    def describe(self) -> str:
        """The term in words."""
        return f"atoms per Å³ {self.target.words()}"

    def smooth(self, clean: CleanEstimate) -> Tensor:
        """n / |det L|, (n_structures,); 0 where the cell has no volume."""
        import torch

        volume = torch.linalg.det(clean.cell).abs()
        has_one = torch.isfinite(volume) & (volume > 0)
        return torch.where(
            has_one, self.scale * clean.n_atoms / torch.where(has_one, volume, 1), torch.zeros_like(volume)
        )

    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """n / |det L| of a finished structure; None where the cell has no volume."""
        import numpy as np

        del frac
        volume = abs(np.linalg.det(cell)) if np.isfinite(cell).all() else 0
        return self.scale * len(numbers) / float(volume) if volume > 0 else None
