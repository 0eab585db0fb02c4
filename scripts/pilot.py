"""Choose the strength of guidance for one constraint; a stopped job continues where it was."""

from pathlib import Path
from typing import Any

from lodestone.workflow.script_settings import PilotSettings

NO_HULL: list[Path] = []  # no term needs one


def main(
    *,
    references: Path,
    reference_energies: Path,
    settings: PilotSettings,
    output: Path,
    tried: Path,
    structures: Path,
    state: Path,
    hull: list[Path] = NO_HULL,
) -> None:
    """Sample round after round until one candidate is left, and write what was tried.

    `hull` holds the references and their energies, where a term needs them.
    """
    from lodestone.pilot.record import tried_table
    from lodestone.runtime.device import for_torch
    from lodestone.runtime.files import remove_folder, write_json, write_text
    from lodestone.runtime.locks import alone
    from lodestone.sampling import timing
    from lodestone.structures.table import to_tsv, write_table

    device = for_torch()  # before any weights: a GPU that is asked for and lacks is told in seconds
    with alone(state, output) as needed:
        if needed:
            found, everything, taken = _choose(device, references, reference_energies, settings, state, hull)
            if taken and taken.structures:
                timing.write(timing.path_of_pilot(output), taken)
            write_table(everything, structures)
            write_text(tried, to_tsv(tried_table(found)))
            write_json(output, found)
            remove_folder(state, up_to="state")


def _choose(
    device: str, references: Path, energies: Path, settings: PilotSettings, state: Path, hull: list[Path]
) -> tuple[dict[str, Any], Any, Any]:
    """The document, all structures, and how long they took."""
    from lodestone.constraints.context import context_of
    from lodestone.energies.estimators import estimator_and_guards
    from lodestone.energies.hull import with_energies
    from lodestone.pilot.run import Sampler, judge
    from lodestone.pilot.run import run as run_pilot
    from lodestone.sampling import timing
    from lodestone.sampling.job import load_model
    from lodestone.structures.table import read_table

    own = settings.guided
    diffusion, checkpoint = load_model(own, device)
    sampler = Sampler(diffusion, checkpoint.config, settings.params(), state, device, hull)
    known = with_energies(read_table(references), read_table(energies))
    estimator, guards = estimator_and_guards(settings.params())
    context = context_of(own, hull)
    found, everything = run_pilot(
        settings.params(),
        sampler,
        lambda raw: judge(raw, settings.constraints, known, estimator, guards, context),
        lambda: sampler.passes,
    )
    return found, everything, timing.total(sampler.timings)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
