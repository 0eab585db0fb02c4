"""Draw one shard of raw structures of an arm; a stopped or killed job continues where it was."""

from pathlib import Path
from typing import Any

from lodestone.workflow.script_settings import SampleSettings

NO_PILOT: list[Path] = []  # the strength of the arm is given
NO_HULL: list[Path] = []  # no term needs one
NO_PROPOSALS: list[Path] = []  # the sampler asks for none


def main(
    *,
    settings: SampleSettings,
    output: Path,
    state: Path,
    pilot: list[Path] = NO_PILOT,
    hull: list[Path] = NO_HULL,
    proposals: list[Path] = NO_PROPOSALS,
) -> None:
    """Sample the shard batch by batch into `state`, then write it whole.

    `pilot` is the document that holds the strength where the settings leave it open; `hull` the
    references and their energies, where a term needs them; `proposals` the space groups and Wyckoff
    positions, where the sampler asks for them.
    """
    from lodestone.pilot.record import read
    from lodestone.pilot.run import with_strength
    from lodestone.runtime.device import for_torch
    from lodestone.runtime.files import remove_folder
    from lodestone.runtime.locks import alone

    device = for_torch()  # before any weights: a GPU that is asked for and lacks is told in seconds
    chosen = settings.params()
    if pilot:
        chosen = with_strength(chosen, read(pilot[0])["strength"])
    with alone(state, output) as needed:
        if needed:
            _sample(chosen, device, output, state, hull, proposals)
            remove_folder(state, up_to="state")


def _sample(
    settings: dict[str, Any], device: str, output: Path, state: Path, hull: list[Path], proposals: list[Path]
) -> None:
    from lodestone.runtime.progress import reporter
    from lodestone.sampling import timing
    from lodestone.sampling.batches import folder_of
    from lodestone.sampling.passes import passes
    from lodestone.sampling.samplers.base import Job
    from lodestone.sampling.samplers.registry import drawer
    from lodestone.sampling.shard import collect, run_shard
    from lodestone.structures.table import write_table

    made = drawer(Job(settings, device, hull, proposals))
    plan, folder = made.plan, folder_of(state, settings)
    tf32 = bool(settings["sampling"].get("tf32"))
    report = reporter(f"sample {plan.arm}/{plan.shard:04d} on {device}", resumes=True)
    spent = timing.Account(folder, timing.device_name(device, tf32=tf32), passes(settings, made.steps))
    drawn = run_shard(
        plan, made.draw, folder, per_lineage=made.per_lineage, earlier=spent.earlier, trial=made.trial
    )
    for done, total in drawn:
        report(done, total)
        spent.tell(done)
    # what a search spends on forces would be taken for the speed of the network
    if spent.timing.structures and "search" not in settings:
        timing.write(timing.path_of(output), spent.timing)
    write_table(collect(plan, folder), output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
