"""Generative structure search: diffusion with physical forces in its drift, then a relaxation."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from lodestone.sampling.samplers.base import Drawer, Job, Sampler
from lodestone.schema.sections import Section, unit

Positive = Annotated[float, Field(gt=0)]


class Repulsion(Section):
    """What keeps atoms apart where the potential would let them overlap."""

    share: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.7,
        description="Atoms closer than this share of the sum of their covalent radii are pushed apart; "
        "0: none.",
    )
    stiffness: Annotated[float, Field(gt=0, le=1000)] = Field(
        50.0,
        description="k of the energy k/2 (overlap)² of a pair that is closer.",
        json_schema_extra=unit("eV/Å²"),
    )


class Finishing(Sampler):
    """The relaxation that ends a search, and the repulsion in all of it."""

    uses_forces: ClassVar[bool] = True

    relax_steps: Annotated[int, Field(ge=0, le=10_000)] = Field(
        500, description="Most steps of the finishing relaxation; 0: none, structures stay as generated."
    )
    largest_force: Positive = Field(
        0.05,
        description="Largest remaining force, on an atom or the cell, at which a structure counts as a "
        "minimum.",
        json_schema_extra=unit("eV/Å"),
    )
    repulsion: Repulsion = Field(Repulsion(), description="What keeps atoms apart.")

    def drawer(self, job: Job) -> Drawer:
        """Structure search by the forces of the campaign's estimator, with the diffusion model or without."""
        from dataclasses import replace
        from functools import partial

        from lodestone.energies.estimators import estimator_and_guards
        from lodestone.sampling.job import load_model, shard_plan
        from lodestone.sampling.search.batch import COLUMNS, search_batch
        from lodestone.sampling.search.options import options_of
        from lodestone.sampling.trial import UNGUIDED, trial_of

        settings = job.settings
        diffusion, config = None, _config(job)
        if self.uses_network:
            diffusion, checkpoint = load_model(settings, job.device)
            config = checkpoint.config
        plan = replace(shard_plan(settings, config, job.device), columns=COLUMNS)
        draw = partial(
            search_batch, diffusion, plan, options_of(settings), *estimator_and_guards(settings["search"]),
            elements=settings["chemical_system"].split("-"),
        )  # fmt: skip
        if diffusion is None:
            return Drawer(plan, draw)
        trial = trial_of(diffusion, plan, UNGUIDED, settings, job.device)
        return Drawer(plan, draw, steps=len(diffusion.times), trial=trial)


class Gss(Finishing):
    """Diffusion whose drift has the forces of energy.estimator in it, then a relaxation."""

    title: ClassVar[str] = "generative structure search"

    kind: Literal["gss"] = Field(
        "gss", description="Generative structure search: learned score and physical forces."
    )
    strength: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, description="Weight of the physical step at t = 0; 0: plain sampling and the relaxation."
    )
    start: Annotated[float, Field(gt=0, le=1)] = Field(
        0.3,
        description="Diffusion time at which forces set in with weight 0; it rises linearly until t = 0.",
    )
    period: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None,
        description="Forces are evaluated on every so many levels below start, each time at the cost of one "
        "call of the estimator per structure, and act until the next time; null: 4 times in all.",
    )
    mobility: Positive = Field(
        0.2, description="Displacement per force of the physical step.", json_schema_extra=unit("Å²/eV")
    )
    longest_step: Positive = Field(
        0.5,
        description="The longest physical step, of an atom or of the cell per atom.",
        json_schema_extra=unit("Å"),
    )


def _config(job: Job) -> dict[str, Any]:
    """The checkpoint's own numbers of atoms, which a random search takes too; no weights are loaded."""
    from lodestone.sampling.mattergen.checkpoint import locate, read_config

    known = job.settings["sampling"].get("composition") or job.settings["sampling"].get("template")
    return {} if known else read_config(locate(job.settings["model"]["checkpoint"]) / "config.yaml")
