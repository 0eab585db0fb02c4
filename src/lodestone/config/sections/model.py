"""Which diffusion model draws the structures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from lodestone.schema.sections import Section, allowed, refuse
from lodestone.text import did_you_mean

EMBEDDED = "embedded"
PUBLISHED = (
    "mattergen_base",
    "chemical_system",
    "space_group",
    "dft_mag_density",
    "dft_band_gap",
    "ml_bulk_modulus",
    "dft_mag_density_hhi_score",
    "chemical_system_energy_above_hull",
    "mp_20_base",
)
"""Names that the authors of MatterGen published on the hub."""
FILES = ("config.yaml", "checkpoints/last.ckpt")
ALLOWED = f"{EMBEDDED}, {', '.join(PUBLISHED)}, or a folder that holds {' and '.join(FILES)}"


class Model(Section):
    """The checkpoint and how strongly it listens to the chemical system."""

    checkpoint: str = Field(
        EMBEDDED,
        description="MatterGen checkpoint: the small one that comes with the package (for trying, not for "
        "science), a name published by MatterGen's authors, or a folder, relative to the folder that the "
        "command runs in.",
        json_schema_extra=allowed(ALLOWED),
    )
    guidance_factor: Annotated[float, Field(ge=0, le=20)] = Field(
        1.0,
        description="Factor γ of classifier-free guidance: 0 ignores the chemical system, 1 is the plain "
        "conditional model, more exaggerates it; other values than 0 and 1 double the network's work.",
    )

    @model_validator(mode="after")
    def _checkpoint_is_there(self) -> Model:
        if self.checkpoint != EMBEDDED and (wrong := _missing(self.checkpoint)):
            refuse([(("checkpoint",), wrong, ALLOWED)])
        return self


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
