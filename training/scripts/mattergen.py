"""Train the embedded MatterGen checkpoint on the embedded reference set."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path


def main(references: list[Path], state: Path, output: Path, steps: int, seed: int) -> None:
    """Train (or go on training) and write the checkpoint folder."""
    import numpy as np
    import polars as pl
    import torch

    from lodestone.structures.table import read_table
    from training.mattergen.config import checkpoint_config
    from training.mattergen.training import TrainingPlan, atom_counts, examples, export, moments, train

    torch.set_num_threads(1)
    found = examples(pl.concat([read_table(path) for path in sorted(references)]))
    density = 1 / np.median([abs(np.linalg.det(e.cell)) / len(e.numbers) for e in found])
    mean, std = moments(found)
    config = checkpoint_config(mean, std, density, atom_counts(found))
    plan = TrainingPlan(steps=steps, seed=seed)
    torch.manual_seed(seed)
    print(f"{len(found)} training structures", file=sys.stderr, flush=True)
    begin = time.process_time()
    for step, losses in train(config, found, plan, state):
        text = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
        print(f"{step}/{steps} {time.process_time() - begin:.0f} CPU-s {text}", file=sys.stderr, flush=True)
    export(state, config, output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("references", type=Path, nargs="+")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    main(a.references, a.state, a.output, a.steps, a.seed)
