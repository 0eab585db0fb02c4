"""Draw one shard of raw structures of an arm; a killed job continues after its last batch."""

from pathlib import Path
from typing import Any


def main(*, settings: dict[str, Any], output: Path, state: Path) -> None:
    """Sample the shard batch by batch into `state`, then write it whole."""
    import shutil
    import time

    import torch

    from lodestone.campaign import cost, timing
    from lodestone.progress import reporter
    from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
    from lodestone.sampling.run import shard_plan, steering
    from lodestone.sampling.shard import collect, finished, sample_shard
    from lodestone.structures.table import write_table

    device = "cuda" if torch.cuda.is_available() else "cpu"
    checkpoint = load_checkpoint(locate(settings["model"]["checkpoint"]), steps=settings["sampling"]["steps"])
    diffusion = MatterGenDiffusion(
        checkpoint,
        chemical_system=settings["chemical_system"],
        guidance_factor=settings["model"]["guidance_factor"],
        device=device,
        corrector=settings["sampling"]["corrector"],
    )
    plan = shard_plan(settings, checkpoint.config, device)
    report = reporter(f"sample {plan.arm}/{plan.shard:04d} on {device}")
    begin, fresh = time.monotonic(), plan.structures - finished(plan, state)
    for done, total in sample_shard(diffusion, plan, steering(settings), state):
        report(done, total)
    if fresh:
        passes = fresh * cost.passes(settings, len(diffusion.times))
        took = timing.Timing(device, fresh, passes, time.monotonic() - begin)
        timing.write(timing.path_of(output), took)
    write_table(collect(plan, state), output)
    shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    from lodestone.adapter import run

    run(main, globals())
