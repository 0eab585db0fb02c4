"""The campaign's diffusion model with conditions of its own, plain or guided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from lodestone.sampling.samplers.base import Conditioned, Drawer, Job, Sampler
from lodestone.schema.sections import allowed


class MatterGen(Sampler):
    """The campaign's checkpoint under other conditions than those of `model`."""

    rank: ClassVar[int] = 0
    title: ClassVar[str] = "the campaign's model under conditions of its own"
    can_be_guided: ClassVar[bool] = True

    kind: Literal["mattergen"] = Field(
        "mattergen", description="The campaign's own diffusion model, under conditions of the arm's own."
    )
    conditions: dict[str, float] = Field(
        {},
        description="What the checkpoint is conditioned on beside the chemical system, in place of "
        "`model.conditions`.",
        json_schema_extra=allowed("as `model.conditions`"),
    )
    guidance_factor: Annotated[float, Field(ge=0, le=20)] = Field(
        1.0, description="Factor γ of classifier-free guidance, in place of `model.guidance_factor`."
    )

    def conditioned(self, _: Mapping[str, float], __: float) -> Conditioned:
        """Its own."""
        return self.conditions, self.guidance_factor

    def drawer(self, job: Job) -> Drawer:
        """Plain or guided sampling, as in arms that name no sampler."""
        from lodestone.sampling.samplers import guided

        own = {"conditions": self.conditions, "guidance_factor": self.guidance_factor}
        model = {**job.settings["model"], **own}
        return guided.drawer(replace(job, settings={**job.settings, "model": model}))
