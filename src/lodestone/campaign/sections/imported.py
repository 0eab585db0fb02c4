"""Arms whose structures are not drawn here but come from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lodestone.campaign.sections.base import Problem, Section, allowed, refuse
from lodestone.structures.files import is_readable

ALLOWED = (
    "a file (.cif, .extxyz, .xyz, POSCAR, .vasp, .parquet, .zip) or a folder of such text files, relative to "
    "the folder that the command runs in"
)
RESERVED = ("references", "pilot")
"""Names of other folders beside those of the arms."""


class ImportedArm(Section):
    """Structures from elsewhere, judged like those that are drawn."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.+-]{0,63}$")] = Field(
        description="Name of the arm in tables and report.",
        json_schema_extra=allowed(
            "lower-case letters, digits and _ . + -, up to 64; not the name of another arm"
        ),
    )
    structures: str = Field(
        description="Where the structures are. One that cannot be read counts as failed.",
        json_schema_extra=allowed(ALLOWED),
    )
    role: Literal["imported", "unguided", "control", "guided"] = Field(
        "imported",
        description="The place that the arm takes in the tests; another than `imported` only where nothing "
        "is drawn (sampling.structures: 0).",
    )
    constraint: str | None = Field(
        None,
        description="Constraint that the structures were made for; they are then tested against the arms of "
        "`statistics.comparisons`.",
        json_schema_extra=allowed("the name of a constraint, or null"),
    )

    @model_validator(mode="after")
    def _readable(self) -> ImportedArm:
        refuse([*self._path(), *self._sense()])
        return self

    def _path(self) -> list[Problem]:
        path = Path(self.structures)
        if not path.exists():
            return [(("structures",), f"there is no file or folder {self.structures!r}", ALLOWED)]
        if not is_readable(path):
            return [(("structures",), f"the name of {self.structures!r} tells no format", ALLOWED)]
        return []

    def _sense(self) -> list[Problem]:
        if self.name in RESERVED:
            return [(("name",), f"{self.name!r} is taken by a folder of the results", "another name")]
        if self.role == "guided" and self.constraint is None:
            return [(("constraint",), "a guided arm lacks its constraint", "the name of a constraint")]
        if self.role in {"unguided", "control"} and self.constraint is not None:
            wrong = f"an arm in the role {self.role} has no constraint"
            return [(("constraint",), wrong, "null")]
        return []
