"""GRACE, through tensorpotential: which models a campaign may name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from lodestone.embedded import REBUILD, WEIGHTS
from lodestone.energies.estimators.base import EstimatorSettings, RunsOn
from lodestone.energies.estimators.grace.models import (
    ALIASES,
    EMBEDDED,
    SAVED_MODEL,
    incomplete,
    model_hash,
    place,
)
from lodestone.runtime.files import known_hash
from lodestone.schema.sections import allowed, refuse
from lodestone.text import did_you_mean

if TYPE_CHECKING:
    from lodestone.energies.estimators.grace.calculator import GraceEstimator

PUBLISHED_DEFAULT = "GRACE-2L-OMAT-large-ft-AM"
# fmt: off
GRACE_TWO_PRECISIONS = (
    "1L-OMAT-medium-base", "1L-OMAT-medium-ft-E", "1L-OMAT-medium-ft-AM", "1L-OMAT-large-base",
    "1L-OMAT-large-ft-E", "1L-OMAT-large-ft-AM", "1L-SMAX-large", "1L-SMAX-OMAT-large",
    "2L-OMAT-medium-base", "2L-OMAT-medium-ft-E", "2L-OMAT-medium-ft-AM", "2L-OMAT-large-base",
    "2L-OMAT-large-ft-E", "2L-OMAT-large-ft-AM", "2L-SMAX-large", "2L-SMAX-medium",
    "2L-SMAX-OMAT-large", "2L-SMAX-OMAT-medium",
)
GRACE_PUBLISHED = (
    "GRACE-FS-OAM", "GRACE-1L-OAM", "GRACE-2L-OAM", "GRACE-FS-OMAT", "GRACE-1L-OMAT", "GRACE-2L-OMAT",
    *(f"GRACE-{name}{precision}" for name in GRACE_TWO_PRECISIONS for precision in ("", "-fp64")),
    "GRACE-3L-OMAT-large", "GRACE-3L-OMAT-large-ft-AM",
)
# fmt: on
"""Names of the foundation models that the GRACE package can fetch."""
GRACE_ALLOWED = (
    f"{EMBEDDED}, a published name such as GRACE-2L-OMAT-large-ft-AM (`grace_models list` shows all), or a "
    f"folder that holds {SAVED_MODEL}"
)


def _unknown_model(model: str) -> str | None:
    folder = Path(model)
    if os.sep in model or folder.is_dir():
        if not folder.is_dir():
            return f"there is no folder {model!r}"
        return None if (folder / SAVED_MODEL).is_file() else f"folder {model!r} lacks {SAVED_MODEL}"
    if model in GRACE_PUBLISHED or model in ALIASES or incomplete(place(model)[0]) is None:
        return None
    return f"{model!r} is no published name{did_you_mean(model, (EMBEDDED, *GRACE_PUBLISHED))}"


class Grace(EstimatorSettings):
    """GRACE, through tensorpotential."""

    rank: ClassVar[int] = 0
    runs_on: ClassVar[RunsOn] = "tensorflow"
    beside_embedded: ClassVar[Mapping[str, Any]] = {"model": EMBEDDED}

    kind: Literal["grace"] = Field("grace", description="GRACE, through tensorpotential.")
    model: str = Field(
        PUBLISHED_DEFAULT,
        description="The small potential that comes with the package (embedded; for trying, not for "
        "science), the name of a published model, looked for in $GRACE_CACHE, or a folder, relative to the "
        "folder that the command runs in. The default of a campaign with model.checkpoint: embedded is "
        "embedded.",
        json_schema_extra=allowed(GRACE_ALLOWED),
    )

    @model_validator(mode="after")
    def _model_is_known(self) -> Grace:
        if self.model != EMBEDDED and (wrong := _unknown_model(self.model)):
            refuse([(("model",), wrong, GRACE_ALLOWED)])
        return self

    def create(self, batch_size: int) -> GraceEstimator:
        """The model in batches that hold as many atoms and bonds as `batch_size` small structures."""
        from lodestone.energies.estimators.grace.calculator import GraceEstimator

        return GraceEstimator(self.model, batch_size)

    def hashes(self) -> dict[str, str]:
        """SHA-256 of the embedded weights, or of the SavedModel's files together."""
        if self.model == EMBEDDED:
            return {"grace/weights.npz": known_hash(WEIGHTS)}
        folder, _ = place(self.model)
        return {self.model: "missing" if incomplete(folder) else model_hash(folder)}

    def files(self) -> dict[str, tuple[Path, str]]:
        """The embedded weights, or the SavedModel."""
        if self.model == EMBEDDED:
            return {"embedded grace/weights.npz": (WEIGHTS, REBUILD)}
        folder, remedy = place(self.model)
        return {f"potential {self.model}": (folder / SAVED_MODEL, remedy)}

    def is_embedded(self) -> bool:
        """Whether it is the potential that comes with the package."""
        return self.model == EMBEDDED

    def missing(self) -> str | None:
        """Which file of the SavedModel lacks, and how to put it there."""
        if self.model == EMBEDDED:
            return None
        folder, remedy = place(self.model)
        wrong = incomplete(folder)
        return f"no GRACE model {self.model}: {wrong}; {remedy}" if wrong else None
