"""Which diffusion model draws the structures."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lodestone.embedded import FOLDER
from lodestone.sampling.mattergen.checkpoint import read_config
from lodestone.sampling.mattergen.conditions import SYSTEM, Trained, problems, trained, trained_of_published
from lodestone.sampling.mattergen.published import PUBLISHED
from lodestone.schema.sections import Section, allowed, refuse
from lodestone.text import did_you_mean

EMBEDDED = "embedded"
FILES = ("config.yaml", "checkpoints/last.ckpt")
ALLOWED = f"{EMBEDDED}, {', '.join(PUBLISHED)}, or a folder that holds {' and '.join(FILES)}"


CONDITIONS = (
    "a mapping of the properties that the checkpoint was trained on, all of them, to numbers, e.g. "
    "{energy_above_hull: 0.05} (eV/atom), {space_group: 225}, {dft_mag_density: 0.15} (µB/Å³)"
)


class Model(Section):
    """The checkpoint, what it is conditioned on, and how strongly."""

    checkpoint: str = Field(
        EMBEDDED,
        description="MatterGen checkpoint: the small one that comes with the package (for trying, not for "
        "science), a name published by MatterGen's authors, or a folder, relative to the folder that the "
        "command runs in.",
        json_schema_extra=allowed(ALLOWED),
    )
    guidance_factor: Annotated[float, Field(ge=0, le=20)] = Field(
        1.0,
        description="Factor γ of classifier-free guidance: 0 is the model without any condition, 1 the plain "
        "conditional model, more exaggerates it; other values than 0 and 1 double the network's work.",
    )
    conditions: dict[str, float] = Field(
        {},
        description="What the checkpoint is conditioned on beside the chemical system, which is a condition "
        "wherever the checkpoint knows it.",
        json_schema_extra=allowed(CONDITIONS),
        exclude_if=lambda conditions: not conditions,  # samples drawn without stay what they are
    )
    elements: Literal["system", "any"] = Field(
        "system",
        description="Which elements are drawn: `system` those of the chemical system only, by the "
        "checkpoint's own condition or, where it has none or γ is 0, by a mask on the types; `any` all that "
        "the checkpoint knows wherever it is not conditioned on the chemical system, as MatterGen does.",
        exclude_if=lambda elements: elements == "system",
    )

    @model_validator(mode="after")
    def _checkpoint_is_there(self) -> Model:
        if self.checkpoint != EMBEDDED and (wrong := _missing(self.checkpoint)):
            refuse([(("checkpoint",), wrong, ALLOWED)])
        try:
            known = trained_of(self.checkpoint)
        except (ValueError, AttributeError) as error:
            refuse([(("checkpoint",), f"cannot be used: {error}", ALLOWED)])
        else:
            refuse(problems(self.checkpoint, known, self.conditions, self.guidance_factor))
        return self

    @property
    def masked(self) -> bool:
        """Whether a mask on the types, and no condition, keeps structures inside the chemical system."""
        return is_masked(self, self.conditions, self.guidance_factor)


def is_masked(model: Model, conditions: Iterable[str], factor: float) -> bool:
    """Whether a mask keeps structures inside the chemical system, with other conditions than the model's."""
    return model.elements == "system" and SYSTEM not in trained_of(model.checkpoint).used(conditions, factor)


@cache
def trained_of(checkpoint: str) -> Trained:
    """What a checkpoint was conditioned on; raises ValueError where its config.yaml is refused."""
    if checkpoint in PUBLISHED and not Path(checkpoint).is_dir():
        return trained_of_published(checkpoint)
    folder = FOLDER / "mattergen" if checkpoint == EMBEDDED else Path(checkpoint)
    return trained(read_config(folder / "config.yaml"))


def _missing(checkpoint: str) -> str | None:
    folder = Path(checkpoint)
    if folder.is_dir():
        gone = [name for name in FILES if not (folder / name).is_file()]
        return f"folder {checkpoint!r} lacks {' and '.join(gone)}" if gone else None
    if checkpoint in PUBLISHED:
        return None
    if folder.is_file():
        return f"{checkpoint!r} is a file, not a folder"
    hint = did_you_mean(checkpoint, (EMBEDDED, *PUBLISHED))
    return f"{checkpoint!r} is no published name, and there is no such folder{hint}"
