"""Volume per atom, |det L| / n."""

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


class VolumePerAtom(Term):
    """Volume of the cell divided by its number of atoms."""

    unit: ClassVar[str] = "Å³/atom"
    example: ClassVar[Mapping[str, Any]] = {"target": 15}

    kind: Literal["volume_per_atom"] = "volume_per_atom"
    target: Annotated[Target, Bounds(above=0)] = Field(description="Volume per atom asked for, Å³.")

    def describe(self) -> str:
        """The term in words."""
        return f"volume per atom {self.target.words()} Å³"

    def smooth(self, clean: CleanEstimate) -> Tensor:
        """|det L| / n, (n_structures,)."""
        import torch

        return torch.linalg.det(clean.cell).abs() / clean.n_atoms

    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """|det L| / n of a finished structure."""
        import numpy as np

        del frac
        if not np.isfinite(cell).all():
            return None
        return float(abs(np.linalg.det(cell))) / len(numbers)
