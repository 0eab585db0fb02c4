"""What the structures shall fulfil."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from lodestone.constraints import AnyTerm
from lodestone.schema.sections import Listed, Problem, Section, allowed, refuse

NAME = r"^[a-z0-9_]{1,40}$"
Name = Annotated[
    str,
    Field(
        pattern=NAME,
        json_schema_extra=allowed("lower-case letters, digits and underscores, up to 40, e.g. co_o_4"),
    ),
]


class Constraint(Section):
    """One or more terms that are wanted together."""

    terms: Annotated[Listed[AnyTerm], Field(min_length=1, max_length=20)] = Field(
        description="What is wanted: one or more terms, each a kind of descriptor with its target."
    )
    satisfied_within: Annotated[float, Field(ge=0)] = Field(
        description="Largest gap between value and target that counts as satisfied, in the unit of the first "
        "term; a term's own `tolerance` goes before it. It may be 0 where no target is a value."
    )
    combine: Annotated[float, Field(ge=1, le=100)] = Field(
        2.0, description="Power p of the norm that combines the losses of several terms."
    )
    primary: bool = Field(
        default=True, description="Whether the constraint belongs to the confirmatory tests (Holm)."
    )

    @model_validator(mode="after")
    def _units_agree(self) -> Constraint:
        refuse([*self._foreign_units(), *self._unreachable()])
        return self

    def _unreachable(self) -> list[Problem]:
        """No computed number is exactly a value that was asked for."""
        if self.satisfied_within > 0 or not any(t.is_thin and t.tolerance is None for t in self.terms):
            return []
        wrong = "0 is out of range where a target is a value"
        return [
            (("satisfied_within",), wrong, "finite numbers > 0; 0 where targets are ranges, lower or higher")
        ]

    def _foreign_units(self) -> list[Problem]:
        first: Any = self.terms[0]
        return [
            (
                ("terms", i, "tolerance"),
                f"is missing; satisfied_within is in the first term's unit ({first.unit or 'a number'})",
                f"a gap in this term's own unit ({term.unit or 'a number'})",
            )
            for i, term in enumerate(self.terms)
            if term.unit != first.unit and term.tolerance is None
        ]


Constraints = Annotated[dict[Name, Constraint], Field(min_length=1)]
