"""Structure search by physical forces: with the diffusion model (gss), or without (rss)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from lodestone.sampling.job import load_model, shard_plan
from lodestone.sampling.samplers.drawer import Drawer, Job

RANDOM = "rss"
KINDS = ("gss", RANDOM)


def make(job: Job) -> Drawer:
    """Generative or random structure search by the forces of the campaign's estimator."""
    from lodestone.energies.estimators import estimator_and_guards
    from lodestone.sampling.search.batch import COLUMNS, search_batch
    from lodestone.sampling.search.options import options_of

    settings = job.settings
    diffusion, config = None, _config(job)
    if settings["sampler"]["kind"] != RANDOM:
        diffusion, checkpoint = load_model(settings, job.device)
        config = checkpoint.config
    plan = replace(shard_plan(settings, config, job.device), columns=COLUMNS)
    draw = partial(
        search_batch, diffusion, plan, options_of(settings), *estimator_and_guards(settings["search"]),
        elements=settings["chemical_system"].split("-"),
    )  # fmt: skip
    return Drawer(plan, draw, steps=0 if diffusion is None else len(diffusion.times))


def _config(job: Job) -> dict[str, Any]:
    """The checkpoint's own numbers of atoms, which a random search takes too; no weights are loaded."""
    from lodestone.sampling.mattergen.checkpoint import locate, read_config

    known = job.settings["sampling"].get("composition") or job.settings["sampling"].get("template")
    return {} if known else read_config(locate(job.settings["model"]["checkpoint"]) / "config.yaml")
