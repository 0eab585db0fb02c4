"""Label structures for the embedded GRACE model, fit it, and write its weights and card."""

import argparse
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path


def label(references: Path, state: Path) -> None:
    """Label distorted copies of the relaxed structures; finished files are skipped."""
    import torch

    from lodestone.energies.estimators.chgnet.calculator import ChgnetEstimator
    from training.grace.labels import label_in_chunks

    torch.set_num_threads(1)
    begin = time.process_time()
    for done, total in label_in_chunks(references, ChgnetEstimator(), state / "labels"):
        _say(f"labels: {done}/{total} files, {time.process_time() - begin:.0f} s")


def fit(references: Path, state: Path, output: Path, epochs: int, label_seconds: float) -> None:
    """Fit the model, write its weights, rebuild it from them and write its card."""
    from lodestone.energies.estimators.grace.calculator import GraceEstimator
    from lodestone.energies.estimators.grace.weights import export, write_weights
    from lodestone.runtime.checkpoints import fingerprint
    from training.grace.card import card_data, held_out_errors, write_card
    from training.grace.fit import Fit, fit_model
    from training.grace.labels import read_labels, read_relaxed, split

    train, test = split(read_relaxed(references), read_labels(state / "labels"))
    settings = Fit(epochs=epochs)
    key = fingerprint(train.select("id", "energy"), asdict(settings))
    architecture, arrays, cost = fit_model(train, settings, state / f"fit-{key}.npz", say=_say)
    write_weights(output / "weights.npz", architecture, arrays)
    with tempfile.TemporaryDirectory(dir=state) as folder:
        export(output / "weights.npz", Path(folder) / "model")
        errors = held_out_errors(test, GraceEstimator(f"{folder}/model"))
    relaxed = int((train["kind"] == "relaxed").sum())
    sizes = {"relaxed": relaxed, "distorted": len(train) - relaxed, "test": len(test)}
    cost |= {
        "label_processor_seconds": label_seconds,
        "parameters": sum(a.size for a in arrays.values()),
    }
    write_card(card_data(errors, settings, sizes, cost), output)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["label", "fit"])
    parser.add_argument("--references", type=Path, default=Path("work/embedded/references"))
    parser.add_argument("--state", type=Path, default=Path("work/embedded/grace"))
    parser.add_argument("--output", type=Path, default=Path("src/lodestone/embedded/grace"))
    parser.add_argument("--epochs", type=int, default=36)
    parser.add_argument("--label-seconds", type=float, default=0.0, help="processor time, for the card")
    arguments = parser.parse_args()
    if arguments.step == "label":
        label(arguments.references, arguments.state)
    else:
        fit(
            arguments.references, arguments.state, arguments.output, arguments.epochs,
            arguments.label_seconds,
        )  # fmt: skip
