"""Draw one shard of raw structures of an arm; a killed job continues after its last batch."""

from pathlib import Path
from typing import Any

NO_PILOT: list[Path] = []  # the strength of the arm is given
NO_HULL: list[Path] = []  # no term needs one


def main(
    *,
    settings: dict[str, Any],
    output: Path,
    state: Path,
    pilot: list[Path] = NO_PILOT,
    hull: list[Path] = NO_HULL,
) -> None:
    """Sample the shard batch by batch into `state`, then write it whole.

    `pilot` is the document that holds the strength where the settings leave it open; `hull` the
    references and their energies, where a term needs them.
    """
    import time

    import torch

    from lodestone.campaign import cost, timing
    from lodestone.files import remove_folder
    from lodestone.pilot.record import read
    from lodestone.pilot.trial import with_strength
    from lodestone.progress import reporter
    from lodestone.sampling.run import load_model, shard_plan, steering
    from lodestone.sampling.shard import collect, finished, sample_shard
    from lodestone.structures.table import write_table

    if pilot:
        strength = read(pilot[0])["strength"]
        settings, state = with_strength(settings, strength), state / f"s{strength:g}"
    steered = steering(settings, hull)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    diffusion, checkpoint = load_model(settings, device)
    plan = shard_plan(settings, checkpoint.config, device)
    report = reporter(f"sample {plan.arm}/{plan.shard:04d} on {device}", resumes=True)
    begin, fresh = time.monotonic(), plan.structures - finished(plan, state)
    for done, total in sample_shard(diffusion, plan, steered, state):
        report(done, total)
    if fresh:
        passes = fresh * cost.passes(settings, len(diffusion.times))
        took = timing.Timing(device, fresh, passes, time.monotonic() - begin)
        timing.write(timing.path_of(output), took)
    write_table(collect(plan, state), output)
    remove_folder(state, up_to="state")


if __name__ == "__main__":
    from lodestone.adapter import run

    run(main, globals())
