"""How often strength 0 is called a success: arms that do nothing against plain arms, many times.

Both arms of a pair come from the product's own sampler and are tested as in a campaign. Few
denoising steps keep it cheap; a null hypothesis does not need good crystals.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from benchmarks.shared.record import provenance
from lodestone.runtime.signals import end_with_parent

ALPHA = 0.05
QUESTION = {"kind": "volume_per_atom", "target": 14}
WITHIN = 3.0


def run(*, repeats: int, structures: int, steps: int, processes: int) -> dict[str, Any]:
    """Share of pairs called different, without and with particles of β = 0, and its binomial bound."""
    from scipy.stats import binom

    tasks = [(k, structures, steps) for k in range(repeats)]
    pairs = []
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=end_with_parent) as pool:
        for pair in pool.map(_pair, tasks):
            pairs.append(pair)
            print(f"{len(pairs)}/{repeats}", file=sys.stderr, flush=True)
    ways = {}
    for way in ("strength 0", "strength 0, particles with β = 0"):
        p = [pair[way] for pair in pairs]
        ways[way] = {"p": p, "significant": sum(value < ALPHA for value in p)}
    return {
        **provenance(1), "repeats": repeats, "structures": structures, "steps": steps,
        "rate_unguided": sum(pair["rate"] for pair in pairs) / repeats,
        "bound": int(binom.ppf(0.975, repeats, ALPHA)), "ways": ways,
    }  # fmt: skip


def _pair(task: tuple[int, int, int]) -> dict[str, float]:
    import numpy as np
    import torch

    from lodestone.inference.tests import larger
    from lodestone.statistics.lineages import one_per_lineage
    from lodestone.statistics.outcomes import Sample

    torch.set_num_threads(1)
    seed, structures, steps = task
    unguided = _met(seed, "unguided", structures, steps, particles=False)
    found = {"rate": float(np.mean(unguided[0]))}
    for way, particles in (("strength 0", False), ("strength 0, particles with β = 0", True)):
        met, lineage = _met(seed, way, structures, steps, particles=particles)
        whole = Sample(met, np.ones(len(met), dtype=bool), lineage)
        one = one_per_lineage(whole, np.random.default_rng(seed))
        test = larger(one.successes, one.n, int(unguided[0].sum()), len(unguided[0]))
        found[way] = 1.0 if test.p_used is None else test.p_used
    return found


def _met(seed: int, arm: str, structures: int, steps: int, *, particles: bool) -> tuple[Any, Any]:
    """Which structures of an arm satisfy the question, and their lineages."""
    import numpy as np

    from lodestone.constraints import terms_of
    from lodestone.constraints.measurement import measure_table
    from lodestone.sampling.guidance import GuidanceOptions, Objective
    from lodestone.sampling.loop import LoopOptions
    from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
    from lodestone.sampling.particles import ParticleOptions
    from lodestone.sampling.shard import ShardPlan, Steering, sample_batch
    from lodestone.sampling.sizes import size_distribution

    checkpoint = load_checkpoint(locate("embedded"), steps=steps)
    diffusion = MatterGenDiffusion(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=1.0)
    constraint = {"terms": [QUESTION], "combine": 2.0, "satisfied_within": WITHIN}
    sizes = size_distribution(checkpoint.config, "Co-Li-O", {"min": 1, "max": 10, "exactly": None})
    steering = Steering(
        None if arm == "unguided" else Objective(tuple(terms_of(constraint))),
        GuidanceOptions(0.0, start=1.0),
        LoopOptions(),
        ParticleOptions(4, 0.0, (0.5, 0.3, 0.2)) if particles else None,
    )
    plan = ShardPlan("null", arm, 0, 0, structures, structures, seed, sizes)
    rows = sample_batch(diffusion, plan, steering, 0, structures)
    met = measure_table(rows, {"question": constraint})["question.satisfied"].to_numpy()
    return np.asarray(met, dtype=bool), rows["lineage"].to_numpy()
