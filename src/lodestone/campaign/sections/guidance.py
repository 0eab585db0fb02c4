"""How the sampler is steered towards a constraint."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lodestone.campaign.sections.base import Listed, Problem, Section, refuse, unit

Time = Annotated[float, Field(ge=0, le=1)]
PositiveTime = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
FieldName = Literal["positions", "cell", "types"]


class Particles(Section):
    """Particle steering: several copies of a structure of which the promising ones are multiplied."""

    count: Annotated[int, Field(ge=2, le=256)] = Field(4, description="Particles per lineage.")
    beta: Annotated[float, Field(ge=0)] = Field(
        4.0, description="Inverse temperature of the weights exp(-β loss); 0 changes nothing."
    )
    times: Annotated[Listed[PositiveTime], Field(min_length=1)] = Field(
        (0.5, 0.4, 0.3, 0.2, 0.1),
        description="Diffusion times at which lineages are resampled, from noise (1) to structure (0).",
    )

    @model_validator(mode="after")
    def _falling(self) -> Particles:
        times = enumerate(pairwise(self.times), start=1)
        refuse(
            (("times", i), f"{late:g} comes after {early:g}", "times that fall from entry to entry")
            for i, (early, late) in times
            if late >= early
        )
        return self


class Guidance(Section):
    """Strengths, times and kinds of guidance; the same for every constraint."""

    strengths: Annotated[Listed[Positive], Field(min_length=1, max_length=50)] = Field(
        (0.1,),
        description="Strengths of backward guidance, one arm each: the largest step per square root of the "
        "number of atoms. The last one is the primary strength.",
        json_schema_extra=unit("Å"),
    )
    backward_steps: Annotated[int, Field(ge=1, le=100)] = Field(
        1, description="Gradient steps on the clean estimate per denoising step."
    )
    forward: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="Strength of forward guidance (through the network), in units of the noise; 0: off.",
    )
    recurrence: Annotated[int, Field(ge=1, le=100)] = Field(
        1, description="Times that each guided step is taken (self-recurrence); the control arm has it too."
    )
    start: PositiveTime = Field(0.7, description="Diffusion time below which guidance acts (1 is noise).")
    stop: Time = Field(0.0, description="Diffusion time below which guidance rests again.")
    late_start: PositiveTime = Field(
        0.05, description="The `start` of the late arms, which only bend a finished structure."
    )
    late: bool = Field(default=True, description="Whether each constraint gets a late arm.")
    schedule: Literal["constant", "increasing", "decreasing"] = Field(
        "constant", description="Course of the strength from `start` to `stop`."
    )
    period: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="Guide every so many steps.")
    algorithm: Annotated[int, Field(ge=1, le=2)] = Field(
        2, description="Where the corrector stands: inside the recurrence (1) or before it (2)."
    )
    normalisation: Literal["gauss_newton", "unit"] = Field(
        "gauss_newton",
        description="Step length: what closes the gap, capped by the strength; or the strength as it is.",
    )
    fields: Annotated[Listed[FieldName], Field(min_length=1)] = Field(
        ("positions", "cell", "types"), description="What guidance may move."
    )
    particles: Particles | None = Field(None, description="Particle steering of the guided arms; null: none.")

    @model_validator(mode="after")
    def _consistent(self) -> Guidance:
        refuse([*self._same_strengths(), *self._empty_windows(), *self._same_fields()])
        return self

    def _same_strengths(self) -> list[Problem]:
        names = [f"{s:g}" for s in self.strengths]
        return [
            (
                ("strengths", i),
                f"{name} is there twice",
                "strengths that differ in six digits",
            )
            for i, name in enumerate(names)
            if name in names[:i]
        ]

    def _empty_windows(self) -> list[Problem]:
        starts = [("start", self.start)] + ([("late_start", self.late_start)] if self.late else [])
        return [
            (
                ("stop",),
                f"{self.stop:g} is not below guidance.{name} = {start:g}",
                f"times below guidance.{name}",
            )
            for name, start in starts
            if self.stop >= start
        ]

    def _same_fields(self) -> list[Problem]:
        return [
            (("fields", i), f"{name} is there twice", "each of positions, cell, types once")
            for i, name in enumerate(self.fields)
            if name in self.fields[:i]
        ]
