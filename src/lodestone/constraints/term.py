"""The base of every constraint term: a target, a distance, and two faces of one descriptor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lodestone.constraints.targets import Span, Target, Value, refuse

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Term(BaseModel, ABC):
    """A descriptor with its target.

    `smooth` is differentiable and guides; `hard` is what a chemist would count and is reported.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    unit: ClassVar[str]
    """Unit of value, target and tolerance ('' for a pure number)."""
    example: ClassVar[Mapping[str, Any]] = {"target": {"lower": 0.1}}
    """What the documentation writes for the keys that have no default, beside `kind`."""

    kind: str
    target: Target = Field(description="What is asked for, in the descriptor's unit.")
    weight: Positive = Field(1.0, description="Weight of this term among the constraint's terms.")
    distance: Literal["l1", "l2", "huber"] = Field(
        "huber", description="How the loss grows with the gap to the target."
    )
    delta: Positive = Field(1.5, description="Gap at which the huber distance turns linear.")
    tolerance: NotNegative | None = Field(
        None,
        description="Largest gap that satisfies this term; default: `satisfied_within`. It may be 0 where "
        "the target is a range, `lower` or `higher`.",
    )

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements that the term speaks of; they must be part of the chemical system."""
        return ()

    @property
    def is_thin(self) -> bool:
        """Whether single values are asked for, so that a tolerance of 0 would never be met."""
        return self.target.is_thin

    @abstractmethod
    def describe(self) -> str:
        """The term in words, for the report."""

    @abstractmethod
    def smooth(self, clean: CleanEstimate) -> Tensor:
        """Differentiable values, (n_structures,); 0 where nothing is defined."""

    @abstractmethod
    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """The value of one finished structure; None where it is not defined."""

    def gap(self, value: Value) -> Value:
        """Signed distance of a value (a number or a tensor) to the target, in its unit; 0 inside."""
        return self.target.gap(value)

    def spans(self) -> list[Span]:
        """The target as intervals, open ends None."""
        return self.target.spans()

    def bound(self, context: Any) -> Term:
        """The term with what it needs to compute; most need nothing."""
        del context
        return self

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.tolerance == 0 and self.is_thin:
            refuse(
                "0 is out of range", "finite numbers > 0; 0 only where the target is no value", ("tolerance",)
            )
        return self
