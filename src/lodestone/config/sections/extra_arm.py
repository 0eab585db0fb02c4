"""Arms beside those of the guidance: structures from elsewhere, or drawn by another sampler."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from lodestone.sampling.samplers.registry import AnySampler, sampler_models
from lodestone.schema.sections import Problem, Section, allowed, refuse, unit
from lodestone.structures.files import is_readable

ALLOWED = (
    "a file (.cif, .extxyz, .xyz, POSCAR, .vasp, .parquet, .zip) or a folder of such text files, relative to "
    "the folder that the command runs in"
)
RESERVED = ("references", "pilot")
"""Names of other folders beside those of the arms."""
KINDS = tuple(sampler_models())


def _either(words: Iterable[str]) -> str:
    *others, last = words
    return " or ".join([", ".join(others), last] if others else [last])


TOLD = _either(f"{kind} ({model.title})" if model.title else kind for kind, model in sampler_models().items())
GUIDED = _either(f"`{kind}`" for kind, model in sampler_models().items() if model.can_be_guided)


def _form(value: Any) -> str:
    """Which form of `sampler` a value is meant to be, so that its faults are told and no others."""
    return "mapping" if isinstance(value, dict | Section) else "word"


Sampler = Annotated[
    Annotated[Literal[KINDS], Tag("word")] | Annotated[AnySampler, Tag("mapping")],  # type: ignore[valid-type]
    Discriminator(_form),
]


class ExtraArm(Section):
    """Structures from elsewhere, or of another sampler, judged like those of the guidance."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.+-]{0,63}$")] = Field(
        description="Name of the arm in tables and report.",
        json_schema_extra=allowed(
            "lower-case letters, digits and _ . + -, up to 64; not the name of another arm"
        ),
    )
    structures: str | None = Field(
        None,
        description="Where the structures are, if they come from elsewhere. One that cannot be read counts "
        "as failed.",
        json_schema_extra=allowed(f"{ALLOWED}; not beside sampler"),
    )
    sampler: Sampler | None = Field(
        None,
        description="What draws the structures, as many as `sampling.structures`, if they do not come from "
        f"elsewhere: {TOLD}; the name alone, or a mapping with its `kind` and settings.",
        json_schema_extra=allowed(f"{', '.join(KINDS)}, or a mapping whose kind is one of these"),
    )
    role: Literal["imported", "unguided", "control", "guided"] = Field(
        "imported",
        description="The place that structures from elsewhere take in the tests; another than `imported` "
        "only where nothing is drawn (sampling.structures: 0).",
    )
    constraint: str | None = Field(
        None,
        description=f"Constraint that the structures were made for, or that guides the sampler {GUIDED}; "
        "they are then tested against the arms of `statistics.comparisons`.",
        json_schema_extra=allowed("the name of a constraint, or null"),
    )
    strength: Annotated[float, Field(ge=0)] | None = Field(
        None,
        description=f"Strength of the guidance inside the sampler {GUIDED}; null: the last of "
        "`guidance.strengths`.",
        json_schema_extra=unit("Å"),
    )

    @property
    def sampling(self) -> Any:
        """The settings of the arm's sampler; None where the structures come from elsewhere."""
        return sampler_models()[self.sampler]() if isinstance(self.sampler, str) else self.sampler

    @property
    def made(self) -> str:
        """The kind of the sampler; empty where the structures come from elsewhere."""
        return "" if self.sampler is None else str(self.sampling.kind)

    @model_validator(mode="after")
    def _one_origin(self) -> ExtraArm:
        if self.structures is None and self.sampler is None:
            refuse([(("structures",), "the arm has neither structures nor a sampler", "one of the two")])
        if self.structures is not None and self.sampler is not None:
            refuse([(("sampler",), "stands beside structures", "one of the two")])
        refuse([*self._reserved(), *(self._from_elsewhere() if self.sampler is None else self._drawn())])
        return self

    def _reserved(self) -> list[Problem]:
        if self.name not in RESERVED:
            return []
        return [(("name",), f"{self.name!r} is taken by a folder of the results", "another name")]

    def _from_elsewhere(self) -> list[Problem]:
        found: list[Problem] = []
        path = Path(str(self.structures))
        if not path.exists():
            found.append((("structures",), f"there is no file or folder {self.structures!r}", ALLOWED))
        elif not is_readable(path):
            found.append((("structures",), f"the name of {self.structures!r} tells no format", ALLOWED))
        if self.strength is not None:
            found.append((("strength",), "stands beside structures from elsewhere", "null"))
        if self.role == "guided" and self.constraint is None:
            found.append((("constraint",), "a guided arm lacks its constraint", "the name of a constraint"))
        if self.role in {"unguided", "control"} and self.constraint is not None:
            wrong = f"an arm in the role {self.role} has no constraint"
            found.append((("constraint",), wrong, "null"))
        return found

    def _drawn(self) -> list[Problem]:
        found: list[Problem] = []
        if self.role != "imported":
            found.append((("role",), f"{self.role!r} stands beside a sampler", "no role"))
        guided = getattr(type(self.sampling), "can_be_guided", False)
        if self.constraint is not None and not guided:
            wrong = f"the sampler {self.made} follows no constraint"
            found.append((("constraint",), wrong, "null; every constraint is judged on every arm"))
        if self.strength is not None and self.constraint is None:
            found.append((("strength",), "stands without a constraint to guide by", "null"))
        return found
