"""Hull, statistics and report: how the results are judged and shown."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lodestone.schema.sections import Listed, Section, refuse, unit

Comparison = Literal["unguided", "control", "late"]


class Hull(Section):
    """Energies above the convex hull."""

    shown_below: Annotated[float, Field(gt=0)] = Field(
        0.5,
        description="Figures and counts show structures with less energy above the hull; none is dropped.",
        json_schema_extra=unit("eV/atom"),
    )


class Statistics(Section):
    """Tests of whether guidance worked."""

    alpha: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        0.05, description="Level of the tests; intervals cover 1 - alpha."
    )
    comparisons: Annotated[Listed[Comparison], Field(min_length=1)] = Field(
        ("unguided", "control", "late"), description="Arms that each guided arm is compared with."
    )

    @model_validator(mode="after")
    def _different(self) -> Statistics:
        refuse(
            (("comparisons", i), f"{name} is there twice", "each of unguided, control, late once")
            for i, name in enumerate(self.comparisons)
            if name in self.comparisons[:i]
        )
        return self


class Report(Section):
    """The page for the reader."""

    best: Annotated[int, Field(ge=1, le=1000)] = Field(
        10, description="Number of best candidates shown and exported."
    )
