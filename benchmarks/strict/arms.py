"""The arms of `strict`: proposals evenly drawn, the questions of guidance, and the structures of each arm.

Proposals are drawn among the assignments of a formula to a group that can have this group and no higher one,
whatever else they are worth, so that the structures test strictness and not a generator. Finished batches lie
below work/benchmarks/, so that a killed run goes on where it was.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from benchmarks.shared.record import ROOT

if TYPE_CHECKING:
    import polars as pl

    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
    from lodestone.sampling.shard import Steering
    from lodestone.wyckoff.proposals import Proposal

WORK = ROOT / "work" / "benchmarks" / "strict"
SYSTEM, FORMULA, SEED = "Co-Li-O", {"Co": 1, "Li": 1, "O": 2}, 11
GROUPS = (
    *(2, 4, 11, 12, 14, 15), *(19, 42, 62, 63, 71), *(82, 123, 136, 139), *(148, 160, 166),
    *(176, 186, 194), *(198, 216, 225, 227),
)  # fmt: skip
PAPER = {2: "P-1", 11: "P2_1/m", 12: "C2/m", 14: "P2_1/c"}
"""Groups for which arXiv 2411.08464 reports 42 to 54 % of structures in the group asked for."""
UNITS, LARGEST = (1, 2, 3, 4), 8
"""Formula units of a cell; atoms beyond which a group is taken only if it needs them, elements assigned."""
PER_GROUP, MOST_RANKED = 8, 400
BATCH = 20  # structures of a group at once
STEERED = {2: 3, 11: 2, 12: 3, 14: 2, 166: 2}
"""Proposals of each group in the arms that are compared with guidance."""
QUESTIONS: dict[str, dict[str, Any]] = {
    "volume_15": {
        "terms": [{"kind": "volume_per_atom", "target": 15}], "combine": 2.0, "satisfied_within": 0.5,
    },
    "co_o_4": {
        "terms": [{"kind": "coordination", "center": "Co", "neighbor": "O", "target": 4, "cutoff": 2.6}],
        "combine": 2.0, "satisfied_within": 0.5,
    },
}  # fmt: skip


def model(steps: int) -> MatterGenDiffusion:
    """The diffusion of the shipped checkpoint for the system of all arms."""
    from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion

    checkpoint = load_checkpoint(locate("embedded"), steps=steps)
    return MatterGenDiffusion(checkpoint, properties={"chemical_system": SYSTEM}, guidance_factor=1.0)


def proposals_of(group: int, n: int) -> Iterator[Proposal]:
    """N assignments of LiCoO2 or multiples of it to a group, drawn without regard to their worth.

    Only those that can have the group and no higher one.
    """
    import numpy as np

    from benchmarks.strict.generic import generic_group
    from lodestone.wyckoff.assignments import best_assignments
    from lodestone.wyckoff.groups import space_group

    rng = np.random.default_rng(SEED + group)
    found: list[Proposal] = []
    for units in UNITS:
        counts = {element: units * atoms for element, atoms in FORMULA.items()}
        if found and sum(counts.values()) > LARGEST:
            break
        ranked = best_assignments(counts, space_group(group), MOST_RANKED)
        shuffled = (ranked[i] for i in rng.permutation(len(ranked)))
        found += islice((p for p in shuffled if generic_group(p) == group), n)
    yield from (found[i] for i in rng.permutation(len(found))[:n])


def unguided() -> Steering:
    """No steering at all."""
    from lodestone.sampling.guidance import GuidanceOptions
    from lodestone.sampling.loop import LoopOptions
    from lodestone.sampling.shard import Steering

    return Steering(None, GuidanceOptions(0.0), LoopOptions())


def steering_of(question: str, way: str) -> Steering:
    """The gradient alone; or particles with the gradient at the end, as campaigns have it by default."""
    from lodestone.constraints import terms_of
    from lodestone.sampling.guidance import GuidanceOptions, Objective
    from lodestone.sampling.loop import LoopOptions
    from lodestone.sampling.particles import ParticleOptions
    from lodestone.sampling.shard import Steering

    asked = Objective(tuple(terms_of(QUESTIONS[question])))
    if way == "gradient":
        return Steering(asked, GuidanceOptions(0.1, start=0.3), LoopOptions())
    return Steering(asked, GuidanceOptions(0.1, start=0.05), LoopOptions(), ParticleOptions())


def drawn(
    diffusion: MatterGenDiffusion,
    arm: str,
    proposals: Sequence[Proposal],
    structures: int,
    elements: str,
    steering: Steering,
    batch: int = 32,
) -> pl.DataFrame:
    """The structures of an arm, from disk where they are; more can be asked for later."""
    from functools import partial

    from lodestone.sampling.shard import ShardPlan, collect, run_shard
    from lodestone.sampling.symmetric.batch import COLUMNS, symmetric_batch

    plan = ShardPlan("strict", arm, 0, 0, structures, batch, SEED, {}, columns=COLUMNS)
    draw = partial(symmetric_batch, diffusion, plan, steering, proposals, elements=elements)
    folder = WORK / f"{len(diffusion.times)}" / arm
    for done, total in run_shard(plan, draw, folder, per_lineage=steering.per_lineage):
        print(f"{arm}: {done}/{total}", file=sys.stderr, flush=True)
    return collect(plan, folder)


def drawn_plain(diffusion: MatterGenDiffusion, structures: int) -> pl.DataFrame:
    """Plain samples of the chemical system, with one and two formula units' number of atoms."""
    from lodestone.sampling.shard import ShardPlan, collect, sample_shard

    plan = ShardPlan("strict", "plain", 0, 0, structures, 32, SEED, {4: 0.5, 8: 0.5})
    folder = WORK / f"{len(diffusion.times)}-{structures}" / "plain"
    for done, total in sample_shard(diffusion, plan, unguided(), folder):
        print(f"plain: {done}/{total}", file=sys.stderr, flush=True)
    return collect(plan, folder)
