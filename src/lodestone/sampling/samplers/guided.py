"""MatterGen's own process, plain or steered by guidance and particles: for arms that name no sampler."""

from __future__ import annotations

from functools import partial

from lodestone.sampling.samplers.base import Drawer, Job


def drawer(job: Job) -> Drawer:
    """Plain or guided sampling."""
    from lodestone.sampling.job import conditioning, load_model, shard_plan, steering
    from lodestone.sampling.shard import sample_batch
    from lodestone.sampling.trial import trial_of

    steered = steering(job.settings, job.hull)
    diffusion, checkpoint = load_model(job.settings, job.device)
    print(conditioning(job.settings, checkpoint), flush=True)
    plan = shard_plan(job.settings, checkpoint.config, job.device)
    draw = partial(sample_batch, diffusion, plan, steered)
    trial = trial_of(diffusion, plan, steered, job.settings, job.device)
    return Drawer(plan, draw, steered.per_lineage, len(diffusion.times), trial)
