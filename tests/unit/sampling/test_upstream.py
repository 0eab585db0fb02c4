"""The sampler on the embedded checkpoint: equal to upstream's, resumable, isolating, and effective."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch

from lodestone.constraints.descriptors.volume_per_atom import VolumePerAtom
from lodestone.sampling.guidance import GuidanceOptions, Objective, guided_score
from lodestone.sampling.isolation import Watch
from lodestone.sampling.loop import LoopOptions, denoise
from lodestone.sampling.mattergen.checkpoint import Checkpoint, load_checkpoint, locate
from lodestone.sampling.mattergen.diffusion import CORRECTORS, PREDICTORS, MatterGenDiffusion
from lodestone.sampling.particles import ParticleOptions
from lodestone.sampling.shard import ShardPlan, Steering, collect, sample_batch, sample_shard
from lodestone.sampling.sizes import draw_sizes
from lodestone.sampling.state import State

pytestmark = pytest.mark.slow

STEPS = 12
PLAIN = Steering(None, GuidanceOptions(0.0), LoopOptions())
TARGET = Objective((VolumePerAtom(target=16.0),))


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(locate("embedded"), steps=STEPS)


@pytest.fixture(scope="module")
def diffusion(checkpoint: Checkpoint) -> MatterGenDiffusion:
    return MatterGenDiffusion(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=1.0)


def ours(diffusion: MatterGenDiffusion, sizes: list[int], seed: int, steering: Steering = PLAIN) -> State:
    torch.manual_seed(seed)
    guided = guided_score(diffusion, steering.objective, steering.guidance)
    start = diffusion.prior(sizes)
    return denoise(diffusion, start, guided, options=steering.loop, watch=Watch(len(sizes)))


def upstreams(checkpoint: Checkpoint, gamma: float, sizes: list[int], seed: int) -> State:
    """MatterGen's own sampler."""
    from mattergen import property_embeddings as embeddings
    from mattergen.diffusion.sampling.classifier_free_guidance import GuidedPredictorCorrector

    sampler = GuidedPredictorCorrector(
        guidance_scale=gamma,
        remove_conditioning_fn=embeddings.SetUnconditionalEmbeddingType(),
        keep_conditioning_fn=embeddings.SetConditionalEmbeddingType(),
        diffusion_module=checkpoint.module.diffusion_module,
        predictor_partials=dict(PREDICTORS),
        corrector_partials=dict(CORRECTORS),
        device=torch.device("cpu"),
        n_steps_corrector=1,
        N=STEPS,
        eps_t=1 / STEPS,
    )
    helper = MatterGenDiffusion(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=gamma)
    torch.manual_seed(seed)
    _, mean = sampler.sample(helper._collate(sizes))
    return helper._state(mean)


@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_strength_zero_is_upstream_bit_for_bit(checkpoint: Checkpoint, gamma: float) -> None:
    mine = MatterGenDiffusion(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=gamma)
    zero = Steering(TARGET, GuidanceOptions(0.0, start=1.1), LoopOptions())
    found, expected = ours(mine, [4, 7, 5], 3, zero), upstreams(checkpoint, gamma, [4, 7, 5], 3)
    assert torch.equal(found.frac, expected.frac)
    assert torch.equal(found.cell, expected.cell)
    assert torch.equal(found.numbers, expected.numbers)


def test_stacked_classifier_free_guidance_is_upstreams_two_passes(checkpoint: Checkpoint) -> None:
    mine = MatterGenDiffusion(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=2.0)
    torch.manual_seed(4)
    state = mine.prior([4, 6])
    t = mine.times[3]
    stacked = mine.score(state, t)
    single = [
        MatterGenDiffusion(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=g).score(
            state, t
        )
        for g in (0.0, 1.0)
    ]
    for name in ("frac", "cell"):
        none, full = (getattr(s, name) for s in single)
        assert torch.allclose(getattr(stacked, name), torch.lerp(none, full, 2.0), rtol=1e-3, atol=1e-4)
    likely = torch.lerp(single[0].logits, single[1].logits, 2.0)
    kept = likely.abs() < 1e3  # elements outside the system have -1e10
    assert torch.allclose(stacked.logits[kept], likely[kept], rtol=1e-3, atol=1e-3)


def test_guidance_moves_volumes_to_the_target(diffusion: MatterGenDiffusion) -> None:
    steering = Steering(TARGET, GuidanceOptions(0.3, start=0.7), LoopOptions())
    sizes = [5, 6, 7, 8] * 2
    plain, guided = ours(diffusion, sizes, 1), ours(diffusion, sizes, 1, steering)
    volumes = [torch.linalg.det(s.cell).abs() / s.n_atoms for s in (plain, guided)]
    gaps = [(v - 16.0).abs().mean() for v in volumes]
    assert gaps[1] < 0.5 * gaps[0]


@pytest.mark.parametrize(
    ("guidance", "loop"),
    [
        (GuidanceOptions(0.1, forward=0.1), LoopOptions(recurrence=2, start=0.7)),
        (GuidanceOptions(0.0, forward=0.3), LoopOptions(recurrence=1, start=0.7)),
        (GuidanceOptions(0.01, backward_steps=2, normalisation="unit"), LoopOptions(3, 0.7, algorithm=1)),
    ],
    ids=["both-R2", "forward", "reference-R3-algorithm-1"],
)
def test_every_kind_of_guidance_gives_finite_crystals(
    diffusion: MatterGenDiffusion, guidance: GuidanceOptions, loop: LoopOptions
) -> None:
    found = ours(diffusion, [4, 6], 2, Steering(TARGET, guidance, loop))
    assert torch.isfinite(found.cell).all()
    assert torch.isfinite(found.frac).all()


def test_network_passes_are_those_of_the_cost_table(checkpoint: Checkpoint) -> None:
    fresh = MatterGenDiffusion(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=1.0)
    for guidance, loop, passes in [
        (GuidanceOptions(0.0), LoopOptions(), 2),
        (GuidanceOptions(0.1, start=2.0), LoopOptions(), 2),
        (GuidanceOptions(0.1, forward=0.1, start=2.0), LoopOptions(), 2),
        (GuidanceOptions(0.1, start=2.0), LoopOptions(recurrence=2, start=2.0), 3),
    ]:
        fresh.passes = 0
        ours(fresh, [3], 1, Steering(TARGET, guidance, loop))
        assert fresh.passes == passes * STEPS


def plan(structures: int = 7, batch_size: int = 3) -> ShardPlan:
    return ShardPlan("test", "arm", 0, 20, structures, batch_size, 5, {3: 0.5, 4: 0.5})


def test_a_killed_shard_ends_with_the_same_structures(diffusion: MatterGenDiffusion, tmp_path: Path) -> None:
    for _ in sample_shard(diffusion, plan(), PLAIN, tmp_path / "whole"):
        pass
    torch.manual_seed(99)  # whatever else ran in between must not matter
    first = sample_shard(diffusion, plan(), PLAIN, tmp_path / "killed")
    assert [next(first), next(first)] == [(0, 7), (3, 7)]
    first.close()
    (tmp_path / "killed" / ".batch-00000003.parquet.x.part").write_bytes(b"half a file")
    torch.manual_seed(7)
    assert [done for done, _ in sample_shard(diffusion, plan(), PLAIN, tmp_path / "killed")] == [3, 6, 7]
    whole, again = collect(plan(), tmp_path / "whole"), collect(plan(), tmp_path / "killed")
    assert whole.equals(again)
    assert whole["index"].to_list() == list(range(20, 27))
    assert whole["id"].n_unique() == 7
    assert whole["batch"].to_list() == [0, 0, 0, 3, 3, 3, 6]
    assert whole["batch_size"].to_list() == [3] * 6 + [1]


def test_the_global_random_state_is_left_alone(diffusion: MatterGenDiffusion) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    sample_batch(diffusion, plan(), PLAIN, 0, 2)
    assert torch.equal(before, torch.get_rng_state())


def test_an_exploding_structure_does_not_take_its_batch_along(checkpoint: Checkpoint) -> None:
    class Exploding(MatterGenDiffusion):
        """Destroys structure 1 half-way."""

        def predict(self, state: State, score: object, t: torch.Tensor) -> tuple[State, State]:
            sample, mean = super().predict(state, score, t)  # type: ignore[arg-type]
            if 0.4 < float(t) < 0.6:
                cell = sample.cell.clone()
                cell[1] = float("nan")
                sample = replace(sample, cell=cell)
            return sample, mean

    diffusion = Exploding(
        checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=1.0, corrector="per_structure"
    )
    rows = sample_batch(diffusion, plan(), PLAIN, 0, 3)
    assert rows["failed"].to_list() == [False, True, False]
    assert "non-finite" in rows["failure"][1]
    assert rows["t_failed"][1] == pytest.approx(0.5, abs=0.1)
    finite = rows.filter(~pl.col("failed"))
    assert all(torch.isfinite(torch.tensor(c)).all() for c in finite["cell"].to_list())
    assert all(min(z) > 0 for z in finite["numbers"].to_list())


def test_particles_keep_lineages_and_sizes(diffusion: MatterGenDiffusion) -> None:
    steered = Steering(TARGET, GuidanceOptions(0.0), LoopOptions(), ParticleOptions(2, 4.0, (0.5, 0.2)))
    rows = sample_batch(diffusion, plan(), steered, 0, 4)
    assert rows["lineage"].to_list() == [10, 10, 11, 11]
    sizes = [len(z) for z in rows["numbers"].to_list()]
    assert sizes[0] == sizes[1]
    assert sizes[2] == sizes[3]


def test_members_of_a_lineage_share_their_size() -> None:
    import numpy as np

    sizes = draw_sizes({2: 0.5, 9: 0.5}, 12, 4, np.random.default_rng(1))
    assert [len(set(sizes[k : k + 4])) for k in (0, 4, 8)] == [1, 1, 1]
