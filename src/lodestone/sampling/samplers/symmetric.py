"""Sampling in the symmetric subspace of proposals: strict space group, exact formula."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from lodestone.sampling.samplers.base import Drawer, Job, Sampler
from lodestone.schema.sections import Listed, allowed, refuse
from lodestone.structures.formulas import ALLOWED as FORMULAS

NUMBERS = "numbers of space groups from 1 to 230, each once, e.g. [2, 14, 166]"
Number = Annotated[int, Field(ge=1, le=230)]


class Symmetric(Sampler):
    """Sampling whose every structure keeps its space group and its formula (arXiv 2411.08464)."""

    title: ClassVar[str] = "strict space groups and formula"
    uses_network: ClassVar[bool] = True
    needs_proposals: ClassVar[bool] = True
    can_be_guided: ClassVar[bool] = True

    kind: Literal["symmetric"] = Field(
        "symmetric", description="Sampling in the symmetric subspace of proposed Wyckoff positions."
    )
    generator: Literal["prototypes", "learned"] = Field(
        "prototypes",
        description="What proposes space groups and Wyckoff positions: the frequencies of the references "
        "nearest in composition, or a model trained on the references.",
    )
    proposals: Annotated[int, Field(ge=1, le=10_000)] = Field(
        50, description="How many proposals are used, the best of the ranking."
    )
    space_groups: Annotated[Listed[Number], Field(min_length=1)] | None = Field(
        None,
        description="Space groups that may be proposed; null: all.",
        json_schema_extra=allowed(f"{NUMBERS}, or null"),
    )
    elements: Literal["assigned", "quota"] = Field(
        "assigned",
        description="Which element sits on which position: as proposed, or drawn by the diffusion model "
        "position by position so that the formula comes out exactly.",
    )
    draw: Literal["weight", "even"] = Field(
        "even", description="Whether proposals are drawn by their weight or each is taken equally often."
    )
    compositions: Annotated[Listed[str], Field(min_length=1)] | None = Field(
        None,
        description="Formulas of the primitive cell that are proposed for; null: `sampling.composition` "
        "times each of `sampling.formula_units`.",
        json_schema_extra=allowed(f"{FORMULAS}, or null"),
    )
    training_steps: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None, description="Training steps of the generator `learned`; null: its own default."
    )

    @model_validator(mode="after")
    def _agree(self) -> Symmetric:
        groups = self.space_groups or ()
        twice = [i for i, number in enumerate(groups) if number in groups[:i]]
        refuse((("space_groups", i), f"{groups[i]} is there twice", NUMBERS) for i in twice)
        if self.training_steps is not None and self.generator != "learned":
            wrong = f"stands beside generator: {self.generator}, which is not trained"
            refuse([(("training_steps",), wrong, "null, or generator: learned")])
        return self

    def drawer(self, job: Job) -> Drawer:
        """Plain or guided sampling that never leaves the space groups and formulas of the proposals."""
        from dataclasses import replace
        from functools import partial

        import polars as pl

        from lodestone.sampling.job import load_model, shard_plan, steering
        from lodestone.sampling.symmetric.batch import COLUMNS, symmetric_batch
        from lodestone.sampling.trial import trial_of
        from lodestone.wyckoff.proposals import from_table

        settings, (proposals,) = job.settings, job.proposals
        steered = steering(settings, job.hull)
        diffusion, checkpoint = load_model(settings, job.device)
        plan = replace(shard_plan(settings, checkpoint.config, job.device), columns=COLUMNS)
        proposed = from_table(pl.read_parquet(proposals))
        draw = partial(
            symmetric_batch, diffusion, plan, steered, proposed,
            elements=self.elements, draw=self.draw,
        )  # fmt: skip
        atoms = max(one.n_atoms for one in proposed)
        trial = trial_of(diffusion, plan, steered, settings, job.device, atoms=atoms)
        return Drawer(plan, draw, steered.per_lineage, len(diffusion.times), trial)
