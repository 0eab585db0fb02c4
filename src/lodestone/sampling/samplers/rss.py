"""Random structure search: random crystals, relaxed."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from lodestone.sampling.samplers.gss import Finishing
from lodestone.schema.sections import Range, allowed, refuse

Factor = Annotated[float, Field(gt=0, le=10)]
VOLUME = "two factors from above 0 to 10, the smaller one first, e.g. [0.7, 1.4]"


class Rss(Finishing):
    """Random cells and positions, relaxed by energy.estimator; no model is asked."""

    title: ClassVar[str] = "random structure search"
    uses_network: ClassVar[bool] = False

    kind: Literal["rss"] = Field("rss", description="Random structure search, without a model.")
    volume: Range[Factor] = Field(
        (0.7, 1.4),
        description="Range of the volume of a random cell, in units of an estimate from covalent radii.",
        json_schema_extra=allowed(VOLUME),
    )
    separation: Annotated[float, Field(gt=0, le=1.5)] = Field(
        0.8,
        description="Least distance of two atoms at the start, in units of the sum of their covalent radii.",
    )

    @model_validator(mode="after")
    def _low_then_high(self) -> Rss:
        low, high = self.volume
        if low > high:
            refuse([(("volume",), f"{low:g} is more than {high:g}", VOLUME)])
        return self
