"""What all sections and settings of stages share: frozen, strict, no unknown keys, no NaN.

And faults that concern several keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Strict
from pydantic_core import PydanticCustomError

T = TypeVar("T")
Listed = Annotated[tuple[T, ...], Strict(strict=False)]
"""A YAML list, kept as a tuple; its entries stay strict."""
Range = Annotated[tuple[T, T], Strict(strict=False)]
"""A YAML list of two entries."""

Problem = tuple[tuple[str | int, ...], str, str]
"""Key relative to the section, what is wrong, what is allowed."""
PROBLEMS = "problems"


class Section(BaseModel):
    """A part of a campaign file."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=False
    )


class Slice(Section):
    """The settings of a stage: the part of a campaign that it depends on, as its rule passes it."""

    def params(self) -> dict[str, Any]:
        """The JSON-able slice that it was made from."""
        return self.model_dump(mode="json", exclude_unset=True)


def unit(symbol: str) -> dict[str, Any]:
    """JSON-schema extra that names the unit of a field."""
    return {"unit": symbol}


def allowed(text: str) -> dict[str, Any]:
    """JSON-schema extra that says in words what a field takes, where bounds alone would not."""
    return {"allowed": text}


def refuse(problems: Iterable[Problem]) -> None:
    """Raise one error for all problems, if there are any; each becomes a fault of its own key."""
    found = list(problems)
    if found:
        raise PydanticCustomError(PROBLEMS, "{first}", {"first": found[0][1], PROBLEMS: found})
