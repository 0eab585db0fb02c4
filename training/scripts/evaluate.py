"""Sample the embedded checkpoint for one chemical system and measure how good the samples are."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path


def main(
    checkpoint: Path, references: list[Path], system: str, structures: int, steps: int, seed: int,
    state: Path, output: Path,
) -> None:  # fmt: skip
    """Sample plainly (conditional, no guidance), measure, write JSON; finished batches are kept."""
    import numpy as np
    import polars as pl
    import torch

    from lodestone.runtime.files import write_json
    from lodestone.sampling.guidance import GuidanceOptions
    from lodestone.sampling.loop import LoopOptions
    from lodestone.sampling.mattergen.checkpoint import load_checkpoint
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
    from lodestone.sampling.shard import ShardPlan, Steering, collect, sample_shard
    from lodestone.structures.table import read_table
    from training.mattergen.card import sample_quality
    from training.mattergen.training import examples

    torch.set_num_threads(1)
    found = [
        e for e in examples(pl.concat([read_table(p) for p in sorted(references)]))
        if e.chemical_system == system
    ]  # fmt: skip
    volumes = [abs(np.linalg.det(e.cell)) / len(e.numbers) for e in found]
    sizes = [len(e.numbers) for e in found]
    plan = ShardPlan(
        campaign="quality", arm=system, shard=0, first=0, structures=structures, batch_size=32, seed=seed,
        n_atoms={n: sizes.count(n) / len(sizes) for n in sorted(set(sizes))},
    )  # fmt: skip
    diffusion = MatterGenDiffusion(
        load_checkpoint(checkpoint, steps=steps), properties={"chemical_system": system}, guidance_factor=1.0
    )
    steering = Steering(None, GuidanceOptions(0.0), LoopOptions())
    begin = time.process_time()
    for done, total in sample_shard(diffusion, plan, steering, state):
        print(
            f"{system}: {done}/{total}, {time.process_time() - begin:.0f} CPU-s", file=sys.stderr, flush=True
        )
    result = sample_quality(collect(plan, state), system, volumes)
    write_json(output, {**result, "steps": steps, "seed": seed})
    print(
        json.dumps({k: np.round(v, 3).tolist() if not isinstance(v, str) else v for k, v in result.items()})
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("references", type=Path, nargs="+")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--system", required=True, help="sorted, as in Co-Li-O")
    parser.add_argument("--structures", type=int, default=256)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    a = parser.parse_args()
    main(a.checkpoint, a.references, a.system, a.structures, a.steps, a.seed, a.state, a.output)
