"""Particle steering against what sequential Monte Carlo promises."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lodestone.sampling.packed import pack, unpack
from lodestone.sampling.particles import (
    ParticleOptions,
    Particles,
    ancestors,
    gather,
    systematic,
)
from lodestone.sampling.state import Kernel, Score, State

TIMES = torch.linspace(1.0, 0.1, 10)


def batch(volumes: torch.Tensor) -> tuple[State, Score]:
    """One-atom cubic crystals of given volumes, and a score that changes nothing."""
    n = len(volumes)
    state = State(
        frac=torch.arange(n)[:, None].repeat(1, 3) / n,
        cell=torch.eye(3) * (volumes ** (1 / 3))[:, None, None],
        numbers=torch.full((n,), 5),
        n_atoms=torch.ones(n, dtype=torch.long),
        structure_idx=torch.arange(n),
    )
    return state, Score(torch.zeros(n, 3), torch.zeros(n, 3, 3), torch.zeros(n, 101))


def steered(beta: float, count: int, **options: Any) -> Particles:
    def kernel(state: State, t: torch.Tensor) -> Kernel:
        del t
        n = state.n_structures
        limit = torch.zeros(n, 3, 3)
        return Kernel(torch.zeros(n, 1), torch.tensor(1.0), limit, limit, 1.0)

    volume = SimpleNamespace(gap=lambda clean: (torch.linalg.det(clean.cell) - 10.0).abs())
    failed = options.pop("failed", ())
    chosen = ParticleOptions(count, beta, **options)
    return Particles(SimpleNamespace(times=TIMES, kernel=kernel), volume, chosen, failed)  # type: ignore[arg-type]


def volumes_of(state: State) -> list[float]:
    return torch.linalg.det(state.cell).round(decimals=3).tolist()


def test_beta_zero_changes_nothing_at_any_time() -> None:
    particles = steered(0.0, 4, times=(0.5, 0.2), resample_below=1.0)
    state, score = batch(torch.tensor([5.0, 8.0, 10.0, 30.0]))
    for t in TIMES:
        after, same = particles(state, t, score)
        assert torch.equal(after.frac, state.frac)
        assert torch.equal(same.frac, score.frac)


def test_shares_follow_the_boltzmann_weights() -> None:
    """After one resampling at inverse temperature β the expected counts are K softmax(-β ℓ)."""
    volumes = torch.tensor([10.0, 10.5, 11.0, 12.0]).repeat(3000)
    particles = steered(1.0, 4, times=(0.5,), resample_below=1.0)
    state, score = batch(volumes)
    torch.manual_seed(0)
    after, _ = particles(state, TIMES[5], score)
    found = torch.tensor(volumes_of(after))
    shares = torch.stack([(found == v).float().mean() for v in (10.0, 10.5, 11.0, 12.0)])
    expected = torch.softmax(-torch.tensor([0.0, 0.5, 1.0, 2.0]), dim=0)
    assert torch.allclose(shares, expected, atol=0.01)


def test_the_potential_telescopes() -> None:
    """Two weightings of the same structures weigh them once, not twice."""
    state, score = batch(torch.tensor([10.0, 11.0]).repeat(4000))
    torch.manual_seed(1)
    twice = steered(1.0, 2, times=(0.5, 0.2), resample_below=0.0)
    middle, score = twice(state, TIMES[5], score)
    assert torch.equal(middle.frac, state.frac)  # no lineage is uneven enough for a share of 0
    after, _ = twice(middle, TIMES[8], score)
    share = sum(v == 10.0 for v in volumes_of(after)) / 8000
    assert share == pytest.approx(1 / (1 + torch.e**-1), abs=0.01)


def test_even_weights_are_left_alone_until_the_last_time() -> None:
    particles = steered(1.0, 4, times=(0.5, 0.2), resample_below=0.5)
    state, score = batch(torch.tensor([10.0, 10.1, 10.1, 10.2]))
    after, _ = particles(state, TIMES[5], score)
    assert torch.equal(after.frac, state.frac)
    assert particles.ancestry == []
    particles(after, TIMES[8], score)
    assert len(particles.ancestry) == 1


def test_the_last_lineage_may_have_fewer_members() -> None:
    particles = steered(50.0, 3, times=(0.5,))
    state, score = batch(torch.tensor([60.0, 90.0, 20.0, 30.0, 10.0]))
    after, _ = particles(state, TIMES[5], score)
    assert volumes_of(after) == pytest.approx([20.0, 20.0, 20.0, 10.0, 10.0], abs=0.01)


def test_lineages_never_mix() -> None:
    particles = steered(50.0, 2, times=(0.5,))
    state, score = batch(torch.tensor([10.0, 90.0, 60.0, 20.0]))
    after, _ = particles(state, TIMES[5], score)
    assert volumes_of(after) == pytest.approx([10.0, 10.0, 20.0, 20.0], abs=0.01)


def test_the_failed_breed_no_copies_and_stay_in_their_place() -> None:
    particles = steered(50.0, 3, times=(0.5,), failed={0, 3, 4, 5})
    state, score = batch(torch.tensor([10.0, 20.0, 30.0, 10.0, 20.0, 30.0]))
    after, _ = particles(state, TIMES[5], score)
    assert volumes_of(after) == pytest.approx([10.0, 20.0, 20.0, 10.0, 20.0, 30.0], abs=0.01)


def test_a_clean_estimate_that_is_no_crystal_loses() -> None:
    particles = steered(4.0, 2, times=(0.5,))
    state, score = batch(torch.tensor([40.0, 1e6]))
    after, _ = particles(state, TIMES[5], score)
    assert volumes_of(after) == pytest.approx([40.0, 40.0], abs=0.01)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=9).filter(lambda w: sum(w) > 1e-6),
    st.floats(0, 1, exclude_max=True),
)
def test_systematic_counts_are_within_one_of_their_expectation(weights: list[float], offset: float) -> None:
    even = torch.tensor([weights], dtype=torch.float64)
    even = even / even.sum()
    parents = systematic(even, torch.tensor([[offset]], dtype=torch.float64))
    counts = torch.bincount(parents[0], minlength=len(weights)).double()
    assert torch.all((counts - len(weights) * even[0]).abs() < 1 + 1e-9)
    assert torch.all(even[0][parents[0]] > 0)


def test_score_travels_with_its_structure() -> None:
    state, score = batch(torch.tensor([10.0, 20.0, 30.0]))
    marked = Score(torch.arange(9.0).reshape(3, 3), torch.arange(27.0).reshape(3, 3, 3), score.logits)
    after, moved = gather(state, marked, torch.tensor([2, 2, 0]))
    assert volumes_of(after) == pytest.approx([30.0, 30.0, 10.0], abs=0.01)
    assert torch.equal(moved.frac, marked.frac[[2, 2, 0]])
    assert torch.equal(moved.cell, marked.cell[[2, 2, 0]])


def test_ancestors_are_followed_back_to_the_start() -> None:
    assert ancestors([[0, 0, 2], [1, 1, 2]], 3) == [[0, 1, 0], [0, 1, 1], [2, 2, 2]]
    assert ancestors([], 2) == [[0], [1]]


def test_kept_between_two_weightings_it_goes_on_with_the_same_weights() -> None:
    """Some lineages were resampled then and weigh evenly, the others carry their weights."""
    volumes = 10 + 3 * torch.rand(400, generator=torch.Generator().manual_seed(3)) ** 2
    options = {"times": (0.5, 0.4, 0.2), "resample_below": 0.9}
    state, score = batch(volumes)
    whole, again, forgetful = (steered(1.0, 2, **options) for _ in range(3))
    torch.manual_seed(2)
    middle, score = whole(state, TIMES[5], score)
    kept = whole.remembered()
    assert 0 < float((kept["weights"] == 0).float().mean()) < 1
    shaken = middle.with_fields(middle.frac, middle.cell * 1.02, middle.numbers)
    again.recall(unpack(pack(kept)))
    ends = []
    for particles in (whole, again, forgetful):
        torch.manual_seed(4)
        ends.append(particles(shaken, TIMES[6], score)[0].cell)
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])
    assert whole.ancestry == again.ancestry
    assert len(whole.ancestry) == 2
