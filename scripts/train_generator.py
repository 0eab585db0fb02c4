"""Train the generator of Wyckoff proposals of an arm on the references; a killed job goes on where it was."""

from pathlib import Path
from typing import Any


def main(*, settings: dict[str, Any], references: Path, output: Path, state: Path) -> None:
    """Train on `references` and write the weights; what is done lies in `state` meanwhile."""
    from lodestone.wyckoff.learned_train import train

    from lodestone.alone import alone
    from lodestone.files import remove_folder
    from lodestone.progress import reporter
    from lodestone.structures.table import read_table

    with alone(state, output) as needed:
        if needed:
            report = reporter("train the generator of proposals", resumes=True)
            steps = {"steps": settings["training_steps"]} if settings["training_steps"] else {}
            train(read_table(references), state, output, seed=settings["seed"], progress=report, **steps)
            remove_folder(state, up_to="state")


if __name__ == "__main__":
    from lodestone.adapter import run

    run(main, globals())
