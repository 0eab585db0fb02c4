"""Train the generator of Wyckoff proposals of an arm on the references; a killed job goes on where it was."""

from pathlib import Path

from lodestone.workflow.script_settings import TrainSettings


def main(*, settings: TrainSettings, references: Path, output: Path, state: Path) -> str:
    """Train on `references` and write the weights; what is done lies in `state` meanwhile."""
    from lodestone.runtime.files import file_hash, remove_folder
    from lodestone.runtime.locks import alone
    from lodestone.runtime.progress import reporter
    from lodestone.structures.table import read_table
    from lodestone.wyckoff.learned.training import train

    # a run on other references, or with other settings, is not gone on with
    origin = [file_hash(references)[:12], str(settings.seed), str(settings.training_steps)]
    report = reporter("train the generator of proposals", resumes=True)
    steps = {"steps": settings.training_steps} if settings.training_steps else {}
    with alone(state, output) as needed:
        if not needed:
            return f"{output} is there already"
        found = train(
            read_table(references),
            state / f"{'-'.join(origin)}.pt",
            output,
            seed=settings.seed,
            progress=lambda done, total, _: report(done, total),
            **steps,
        )
        remove_folder(state, up_to="state")
    left_out = f", {len(found['failed'])} left out" if found["failed"] else ""
    return f"trained on {found['examples']} references{left_out}; mean loss at the end {found['loss']:.3f}"


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
