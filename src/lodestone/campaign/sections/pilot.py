"""A strength that nobody has to guess: a small pilot chooses it before the campaign proper."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from lodestone.schema.sections import Listed, Section, refuse, unit

Candidate = Annotated[float, Field(gt=0)]


class Pilot(Section):
    """Successive halving over strengths, on structures that are used for nothing else."""

    candidates: Annotated[Listed[Candidate], Field(min_length=2, max_length=20)] = Field(
        (0.03, 0.1, 0.3, 1.0),
        description="Strengths that are tried against each other.",
        json_schema_extra=unit("Å"),
    )
    structures: Annotated[int, Field(ge=1, le=100_000)] = Field(
        32,
        description="Structures of each candidate and of the control in the first round, rounded up to whole "
        "lineages; every further round doubles them and keeps the better half of the candidates.",
    )
    worst_validity: Annotated[float, Field(ge=0, le=1)] = Field(
        0.10, description="How far the share of valid structures may fall below the control's."
    )
    worst_energy: Annotated[float, Field(ge=0)] = Field(
        0.1,
        description="How far the median energy above the hull of the valid structures, unrelaxed, may rise "
        "above the control's.",
        json_schema_extra=unit("eV/atom"),
    )

    @model_validator(mode="after")
    def _different(self) -> Pilot:
        names = [f"{s:g}" for s in self.candidates]
        refuse(
            (("candidates", i), f"{name} is there twice", "strengths that differ in six digits")
            for i, name in enumerate(names)
            if name in names[:i]
        )
        return self


class Automatic(Section):
    """The strength of guidance is chosen by a pilot."""

    auto: Pilot = Field(description="The pilot that chooses the strength of each constraint.")
