"""Strict space group and formula: sampling in the symmetric subspace of proposals."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import polars as pl

from lodestone.sampling.job import load_model, shard_plan, steering
from lodestone.sampling.samplers.drawer import Drawer, Job

KINDS = ("symmetric",)


def make(job: Job) -> Drawer:
    """Plain or guided sampling that never leaves the space groups and formulas of the proposals."""
    from lodestone.sampling.symmetric.batch import COLUMNS, symmetric_batch
    from lodestone.wyckoff.table import from_table

    settings, (proposals,) = job.settings, job.proposals
    steered = steering(settings, job.hull)
    diffusion, checkpoint = load_model(settings, job.device)
    plan = replace(shard_plan(settings, checkpoint.config, job.device), columns=COLUMNS)
    sampler = settings["sampler"]
    draw = partial(
        symmetric_batch, diffusion, plan, steered, from_table(pl.read_parquet(proposals)),
        elements=sampler["elements"], draw=sampler["draw"],
    )  # fmt: skip
    return Drawer(plan, draw, steered.per_lineage, len(diffusion.times))
