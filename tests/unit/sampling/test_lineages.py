"""Lineages in a shard: who descends from whom, and what becomes part of the sample."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch

from lodestone.constraints.descriptors.volume_per_atom import VolumePerAtom
from lodestone.sampling.guidance import GuidanceOptions, Objective
from lodestone.sampling.loop import LoopOptions
from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
from lodestone.sampling.particles import ParticleOptions
from lodestone.sampling.shard import ShardPlan, Steering, sample_batch, sample_shard

STEPS = 8
TARGET = Objective((VolumePerAtom(target=16.0),))
PARTICLES = ParticleOptions(3, 4.0, (0.5, 0.2), resample_below=1.0)
PLAN = ShardPlan("c", "v-s0.1", 0, 6, 6, 6, 5, {2: 0.5, 3: 0.5})


@pytest.fixture(scope="module")
def diffusion() -> MatterGenDiffusion:
    checkpoint = load_checkpoint(locate("embedded"), steps=STEPS)
    return MatterGenDiffusion(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=1.0)


def steering(particles: ParticleOptions, algorithm: int = 2) -> Steering:
    return Steering(TARGET, GuidanceOptions(0.0), LoopOptions(algorithm=algorithm), particles)


@pytest.mark.parametrize("algorithm", [1, 2])
def test_every_particle_is_returned_with_its_ancestors(diffusion: MatterGenDiffusion, algorithm: int) -> None:
    rows = sample_batch(diffusion, PLAN, steering(PARTICLES, algorithm), 0, 6)
    assert rows["lineage"].to_list() == [2, 2, 2, 3, 3, 3]
    assert rows["index"].to_list() == [6, 7, 8, 9, 10, 11]
    for own, path, lineage in rows.select("index", "ancestry", "lineage").iter_rows():
        assert len(path) == 3  # at t = 1, and after two resamplings
        assert path[-1] == own
        assert {place // 3 for place in path} == {lineage}


def test_one_of_each_lineage_is_drawn_at_random(diffusion: MatterGenDiffusion, tmp_path: Path) -> None:
    one = replace(PARTICLES, one_per_lineage=True)
    plan = replace(PLAN, first=0, structures=4, batch_size=2)
    assert list(sample_shard(diffusion, plan, steering(one), tmp_path)) == [(0, 4), (2, 4), (4, 4)]
    rows = pl.concat([pl.read_parquet(p) for p in sorted(tmp_path.glob("*.parquet"))])
    assert rows["lineage"].to_list() == [0, 1, 2, 3]
    assert rows["index"].to_list() == [0, 1, 2, 3]
    places = [path[-1] for path in rows["ancestry"].to_list()]
    assert [place // 3 for place in places] == [0, 1, 2, 3]
    assert rows.unique("id").height == 4


def test_the_one_drawn_is_one_of_all(diffusion: MatterGenDiffusion) -> None:
    everyone = sample_batch(diffusion, replace(PLAN, first=0), steering(PARTICLES), 0, 6)
    one = replace(PARTICLES, one_per_lineage=True)
    drawn = sample_batch(diffusion, replace(PLAN, first=0), steering(one), 0, 2)
    places = [path[-1] for path in drawn["ancestry"].to_list()]
    assert torch.allclose(
        torch.tensor(drawn["cell"].to_list()), torch.tensor(everyone["cell"].to_list())[places], atol=1e-4
    )


def test_particles_cost_no_pass_of_their_own(diffusion: MatterGenDiffusion) -> None:
    before = diffusion.passes
    sample_batch(diffusion, PLAN, steering(PARTICLES), 0, 6)
    assert diffusion.passes - before == 2 * STEPS
    before = diffusion.passes
    sample_batch(diffusion, PLAN, steering(PARTICLES, algorithm=1), 0, 6)
    assert diffusion.passes - before == 2 * STEPS - 1 + 2
