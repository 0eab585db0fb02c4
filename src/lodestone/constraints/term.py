"""The base of every constraint term: a target, a distance, and two faces of one descriptor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate

Positive = Annotated[float, Field(gt=0)]


class Term(BaseModel, ABC):
    """A descriptor with its target.

    `smooth` is differentiable and guides; `hard` is what a chemist would count and is reported.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    unit: ClassVar[str]
    """Unit of value, target and tolerance ('' for a pure number)."""

    kind: str
    target: float = Field(description="Value asked for, in the descriptor's unit.")
    weight: Positive = Field(1.0, description="Weight of this term among the constraint's terms.")
    distance: Literal["l1", "l2", "huber"] = Field(
        "huber", description="How the loss grows with the gap to the target."
    )
    delta: Positive = Field(1.5, description="Gap at which the huber distance turns linear.")
    tolerance: Positive | None = Field(
        None, description="Largest gap that satisfies this term; default: `satisfied_within`."
    )

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements that the term speaks of; they must be part of the chemical system."""
        return ()

    @abstractmethod
    def describe(self) -> str:
        """The term in words, for the report."""

    @abstractmethod
    def smooth(self, clean: CleanEstimate) -> Tensor:
        """Differentiable values, (n_structures,); 0 where nothing is defined."""

    @abstractmethod
    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """The value of one finished structure; None where it is not defined."""
