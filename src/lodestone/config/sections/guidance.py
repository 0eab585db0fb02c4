"""How the sampler is steered towards a constraint, and the pilot that chooses a strength."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, create_model, model_validator

from lodestone.schema.sections import Listed, Problem, Section, refuse, unit

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


Time = Annotated[float, Field(ge=0, le=1)]
PositiveTime = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
FieldName = Literal["positions", "cell", "types"]


def _form(value: Any) -> str:
    """Which form of `strengths` a value is meant to be, so that its faults are told and no others."""
    if isinstance(value, dict | Automatic):
        return "mapping"
    return "word" if isinstance(value, str) else "list"


Strengths = Annotated[
    Annotated[Listed[Annotated[float, Field(ge=0)]], Field(min_length=1, max_length=50), Tag("list")]
    | Annotated[Literal["auto"], Tag("word")]
    | Annotated[Automatic, Tag("mapping")],
    Discriminator(_form),
]


_Returned = create_model(
    "_Returned",
    __base__=Section,
    **{  # a keyword of Python, which no class body can have as a name
        "return": (
            Literal["all", "one_per_lineage"],
            Field(
                "all",
                description="What becomes part of the sample: every particle, related or not, or one of "
                "each lineage, drawn at random, at `count` times the cost per structure.",
            ),
        )
    },  # type: ignore[call-overload]
)


class Particles(_Returned):
    """Particle steering: several copies of a structure of which the promising ones are multiplied."""

    count: Annotated[int, Field(ge=2, le=256)] = Field(8, description="Particles per lineage.")
    beta: Annotated[float, Field(ge=0)] = Field(
        4.0, description="Inverse temperature of the weights exp(-β loss); 0 changes nothing."
    )
    times: Annotated[Listed[PositiveTime], Field(min_length=1)] = Field(
        (0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03),
        description="Diffusion times at which particles are weighted, from noise (1) to structure (0).",
    )
    resample_below: Annotated[float, Field(gt=0, le=1)] = Field(
        0.6,
        description="Share of `count` below which the effective number of particles of a lineage makes it "
        "resample; 1: at every time. At the last time it always does.",
    )
    look_ahead: Annotated[int, Field(ge=0, le=1000)] = Field(
        30,
        description="Relaxation steps (positions and cell, by `energy.estimator`) that a clean estimate "
        "takes before it is weighted, so that what is favoured persists; 0: none.",
    )

    @property
    def one_per_lineage(self) -> bool:
        """Whether a lineage gives one structure."""
        return bool(getattr(self, "return") == "one_per_lineage")

    @property
    def per_lineage(self) -> int:
        """Structures of the sample that belong to one lineage."""
        return 1 if self.one_per_lineage else self.count

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

    strengths: Strengths = Field(
        (0.1,),
        description="Strengths of backward guidance, one arm each: the largest step per square root of the "
        "number of atoms. The last one is the primary strength; 0 leaves the work to the "
        "particles. auto: a pilot chooses one strength for each constraint.",
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
    start: PositiveTime = Field(
        0.05, description="Diffusion time below which gradients act (1 is noise); particles have `times`."
    )
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
    particles: Particles | None = Field(
        Particles(), description="Particle steering of the guided arms; null: none."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Guidance:
        refuse(
            [*self._idle_strengths(), *self._same_strengths(), *self._empty_windows(), *self._same_fields()]
        )
        return self

    @property
    def pilot(self) -> Pilot | None:
        """The pilot that chooses the strength; None where strengths are given."""
        if isinstance(self.strengths, Automatic):
            return self.strengths.auto
        return Pilot() if self.strengths == "auto" else None

    @property
    def fixed_strengths(self) -> tuple[float, ...]:
        """The strengths that are given, Å; none where a pilot chooses."""
        return self.strengths if isinstance(self.strengths, tuple) else ()

    def _idle_strengths(self) -> list[Problem]:
        """Strength 0 is for particles alone; with nothing else it would be the control arm again."""
        if not isinstance(self.strengths, tuple) or self.particles is not None or self.forward > 0:
            return []
        wrong = "0 guides nothing where there are neither particles nor forward guidance"
        return [
            (("strengths", i), wrong, "numbers above 0, Å") for i, s in enumerate(self.strengths) if s == 0
        ]

    def _same_strengths(self) -> list[Problem]:
        names = [f"{s:g}" for s in self.fixed_strengths]
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
