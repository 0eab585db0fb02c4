"""How many structures are drawn, in which portions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lodestone.campaign.sections.base import Section, allowed, refuse

AtomCount = Annotated[int, Field(ge=1, le=200)]


class Atoms(Section):
    """Atoms per cell; sizes follow the checkpoint's own distribution within the bounds."""

    min: AtomCount = Field(1, description="Fewest atoms per cell.")
    max: AtomCount = Field(20, description="Most atoms per cell.")
    exactly: AtomCount | None = Field(
        None, description="The same number of atoms in every cell, in place of `min` and `max`."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Atoms:
        if self.min > self.max:
            wrong = f"{self.min} is more than sampling.atoms.max = {self.max}"
            refuse([(("min",), wrong, "numbers up to sampling.atoms.max")])
        return self

    @property
    def most(self) -> int:
        """The largest cell that can be drawn."""
        return self.max if self.exactly is None else self.exactly


class Sampling(Section):
    """Sizes, portions, seed and the sampler's own settings."""

    structures: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        1000, description="Structures drawn in each arm."
    )
    shard: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        250, description="Structures per job; a shard is the unit of work and of resume."
    )
    batch_size: Annotated[int, Field(ge=1, le=100_000)] | Literal["auto"] = Field(
        "auto", description="Structures per batch of the network; auto chooses by device."
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(
        0,
        description="Seed of the campaign; arms, shards and batches derive theirs from it.",
        json_schema_extra=allowed("whole numbers from 0 to 2^63 - 1"),
    )
    atoms: Atoms = Field(Atoms(), description="Atoms per cell.")
    steps: Annotated[int, Field(ge=2, le=100_000)] | None = Field(
        None, description="Denoising steps; null takes the number that the checkpoint was trained with."
    )
    corrector: Literal["upstream", "per_structure"] = Field(
        "upstream",
        description="Step size of the Langevin corrector: MatterGen's own, averaged over the batch, or one "
        "per structure, which makes a structure independent of its batch.",
    )
