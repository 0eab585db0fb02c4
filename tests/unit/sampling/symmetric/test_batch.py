"""Batches of the symmetric sampler on the embedded checkpoint: strict, repeatable, independent of batches."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from lodestone.constraints.descriptors.volume_per_atom import VolumePerAtom
from lodestone.sampling.batches import SCHEMA
from lodestone.sampling.guidance import GuidanceOptions, Objective, guided_score
from lodestone.sampling.isolation import Watch
from lodestone.sampling.loop import LoopOptions, denoise
from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
from lodestone.sampling.particles import ParticleOptions
from lodestone.sampling.shard import ShardPlan, Steering
from lodestone.sampling.symmetric.batch import COLUMNS, chosen_proposals, symmetric_batch
from lodestone.sampling.symmetric.diffusion import SymmetricDiffusion
from lodestone.structures.table import arrays
from lodestone.wyckoff.proposals import Proposal, parse
from lodestone.wyckoff.verification import has_operations, strictness

PLAIN = Steering(None, GuidanceOptions(0.0), LoopOptions())
PROPOSALS = [
    parse("2 Co:a Li:b O:i", 3.0), parse("14 Co:a Li:b O:e", 2.0), parse("12 Co:a Li:b O:i", 1.0),
    parse("71 Co:a Li:b O:e", 0.5), parse("166 Co:a Li:b O:c", 0.5), parse("186 Co:a Li:a O:b O:b", 0.0),
]  # fmt: skip


@pytest.fixture(scope="module")
def diffusion() -> MatterGenDiffusion:
    checkpoint = load_checkpoint(locate("embedded"), steps=6)
    return MatterGenDiffusion(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=1.0)


def plan(first: int = 0, structures: int = 6) -> ShardPlan:
    return ShardPlan("case", "strict", 0, first, structures, 32, 7, {})


def asked(row: dict) -> Proposal:
    return parse(f"{row['asked_space_group']} {row['asked_orbits']}")


@pytest.mark.parametrize("elements", ["assigned", "quota"])
def test_every_structure_has_its_formula_and_its_operations(
    diffusion: MatterGenDiffusion, elements: str
) -> None:
    rows = symmetric_batch(diffusion, plan(), PLAIN, PROPOSALS, 0, 6, elements=elements)
    assert dict(rows.schema) == SCHEMA | COLUMNS
    assert rows["proposal"].to_list() == [0, 1, 2, 3, 4, 5]
    for row in rows.iter_rows(named=True):
        proposal = asked(row)
        numbers, cell, frac = arrays(row)
        assert strictness(numbers, cell, frac, proposal.space_group, proposal.counts).exact_formula
        assert has_operations(numbers, cell, frac, proposal.space_group, symprec=1e-6)
        assert ((frac >= 0) & (frac < 1)).all()
        assert np.linalg.det(cell) > 0
        if elements == "assigned":
            assert numbers[0] == 27


def test_the_same_seed_gives_the_same_bytes_and_leaves_random_numbers(
    diffusion: MatterGenDiffusion,
) -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one, two = (symmetric_batch(diffusion, plan(), PLAIN, PROPOSALS, 0, 3) for _ in range(2))
    assert one.equals(two)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not one.select("frac").equals(
        symmetric_batch(diffusion, plan(), PLAIN, PROPOSALS, 3, 3).select("frac")
    )


def test_which_proposal_a_structure_takes_does_not_depend_on_batches(diffusion: MatterGenDiffusion) -> None:
    columns = ["id", "asked_space_group", "asked_orbits", "proposal"]
    for draw in ("even", "weight"):
        whole = symmetric_batch(diffusion, plan(4), PLAIN, PROPOSALS, 0, 5, draw=draw).select(columns)
        parts = [
            symmetric_batch(diffusion, plan(4), PLAIN, PROPOSALS, o, n, draw=draw)
            for o, n in ((0, 2), (2, 3))
        ]
        assert pl.concat(parts).select(columns).equals(whole)


def test_proposals_are_drawn_evenly_or_by_weight() -> None:
    lineages = range(3000)
    even = np.bincount(chosen_proposals(plan(), PROPOSALS, lineages, "even"))
    assert even.tolist() == [500] * 6
    drawn = np.bincount(chosen_proposals(plan(), PROPOSALS, lineages, "weight"), minlength=6) / 3000
    assert drawn.tolist() == pytest.approx([3 / 7, 2 / 7, 1 / 7, 0.5 / 7, 0.5 / 7, 0], abs=0.03)
    assert drawn[5] == 0
    with pytest.raises(ValueError, match="no proposals"):
        chosen_proposals(plan(), [], [0], "even")
    with pytest.raises(ValueError, match="allowed are even, weight"):
        chosen_proposals(plan(), PROPOSALS, [0], "best")
    with pytest.raises(ValueError, match="weights of proposals"):
        chosen_proposals(plan(), [parse("1 O:a", 0.0)], [0], "weight")


@pytest.mark.parametrize("one_per_lineage", [False, True])
def test_members_of_a_lineage_share_their_proposal(
    diffusion: MatterGenDiffusion, *, one_per_lineage: bool
) -> None:
    particles = ParticleOptions(3, 4.0, (0.6, 0.3), 1.0, one_per_lineage=one_per_lineage)
    guided = Steering(
        Objective((VolumePerAtom(target=16.0),)), GuidanceOptions(0.1, start=0.4), LoopOptions(2), particles
    )
    size = 2 if one_per_lineage else 6
    rows = symmetric_batch(diffusion, plan(), guided, PROPOSALS, 0, size)
    assert rows["proposal"].to_list() == ([0, 1] if one_per_lineage else [0, 0, 0, 1, 1, 1])
    ancestors = [path[0] for path in rows["ancestry"].to_list()]
    assert [a // 3 for a in ancestors] == rows["proposal"].to_list()
    for row in rows.iter_rows(named=True):
        assert has_operations(*arrays(row), asked(row).space_group, symprec=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("forward", [0.0, 0.2])
def test_guidance_moves_structures_within_the_subspace(diffusion: MatterGenDiffusion, forward: float) -> None:
    target = 16.0
    guided = Steering(
        Objective((VolumePerAtom(target=target),)),
        GuidanceOptions(0.5, start=0.6, forward=forward), LoopOptions(recurrence=2),
    )  # fmt: skip
    gaps = {}
    for name, steering in (("plain", PLAIN), ("guided", guided)):
        rows = symmetric_batch(diffusion, plan(), steering, PROPOSALS, 0, 6)
        volumes = []
        for row in rows.iter_rows(named=True):
            numbers, cell, frac = arrays(row)
            assert has_operations(numbers, cell, frac, asked(row).space_group, symprec=1e-6)
            volumes.append(np.linalg.det(cell) / len(numbers))
        gaps[name] = float(np.mean(np.abs(np.array(volumes) - target)))
    assert gaps["guided"] < 0.4 * gaps["plain"]


def test_without_symmetry_and_quota_sampling_is_plain_bit_for_bit(diffusion: MatterGenDiffusion) -> None:
    proposals = [parse("1 Li:a O:a O:a"), parse("1 Li:a O:a")]

    def drawn(source: object) -> object:
        torch.manual_seed(5)
        state = source.prior([3, 2])  # type: ignore[attr-defined]
        guided = guided_score(source, None, GuidanceOptions(0.0))  # type: ignore[arg-type]
        return denoise(source, state, guided, options=LoopOptions(2), watch=Watch(2))  # type: ignore[arg-type]

    plain, confined = drawn(diffusion), drawn(SymmetricDiffusion(diffusion, proposals, elements="free"))
    for field in ("frac", "cell", "numbers"):
        assert torch.equal(getattr(plain, field), getattr(confined, field))
