"""A batch that does not fit is halved in whole lineages, and a shard remembers and records it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lodestone.constraints.clean import CleanEstimate
from lodestone.runtime.memory import BatchSize, is_exhausted
from lodestone.sampling.batches import batch_path
from lodestone.sampling.guidance import GuidanceOptions
from lodestone.sampling.loop import LoopOptions
from lodestone.sampling.particles import ParticleOptions
from lodestone.sampling.shard import ShardPlan, Steering, collect, finished, sample_shard
from lodestone.sampling.state import Kernel, Score, State

pytestmark = pytest.mark.slow


class Small:
    """A network of no weight on a device that holds so many structures."""

    def __init__(self, holds: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        self.times, self.holds, self.error = torch.tensor([1.0, 0.5]), holds, error
        self.asked: list[int] = []

    def prior(self, n_atoms: list[int]) -> State:
        n = torch.tensor(n_atoms)
        cell = 3 * torch.eye(3).repeat(len(n), 1, 1)
        idx = torch.repeat_interleave(torch.arange(len(n)), n)
        return State(torch.rand(len(idx), 3), cell, torch.full((len(idx),), 8), n, idx)

    def score(self, state: State, t: Tensor) -> Score:  # noqa: ARG002
        self.asked.append(state.n_structures)
        if state.n_structures > self.holds:
            raise self.error("CUDA out of memory. Tried to allocate 2.00 GiB")
        logits = torch.zeros(len(state.frac), 101)
        return Score(torch.zeros_like(state.frac), torch.zeros_like(state.cell), logits)

    def correct(self, state: State, score: Score, t: Tensor) -> State:  # noqa: ARG002
        return state

    def predict(self, state: State, score: Score, t: Tensor) -> tuple[State, State]:  # noqa: ARG002
        moved = state.with_fields(torch.rand_like(state.frac), state.cell, state.numbers)
        return moved, moved

    def kernel(self, state: State, t: Tensor, *, steps_later: int = 0) -> Kernel:  # noqa: ARG002
        one = torch.ones(state.n_structures, 3, 3)
        return Kernel(torch.full((len(state.frac), 1), 0.1), torch.tensor(0.9), one, one, 0.5)


class Anything:
    """An objective that every structure meets."""

    def gap(self, clean: CleanEstimate) -> Tensor:
        return torch.zeros(clean.n_structures)

    loss = gap


PLAIN = Steering(None, GuidanceOptions(0.0), LoopOptions())
LINEAGES = Steering(Anything(), GuidanceOptions(0.0), LoopOptions(), ParticleOptions(4, 1.0, (0.5,)))  # type: ignore[arg-type]


def plan(batch_size: int = 16, structures: int = 22) -> ShardPlan:
    return ShardPlan("c", "arm", 0, 0, structures, batch_size, 5, {2: 0.5, 3: 0.5})


def sampled(diffusion: Small, folder: Path, steering: Steering = PLAIN, **options: int) -> list[int]:
    return [done for done, _ in sample_shard(diffusion, plan(**options), steering, folder)]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
def test_a_shard_goes_on_with_half_the_batch(tmp_path: Path, error: type[Exception]) -> None:
    assert sampled(Small(5, error), tmp_path) == [0, 4, 8, 12, 16, 20, 22]
    rows = collect(plan(), tmp_path)
    assert rows["batch_size"].to_list() == [4] * 20 + [2] * 2
    assert rows["batch"].unique().to_list() == [0, 4, 8, 12, 16, 20]
    assert rows["id"].n_unique() == 22
    assert json.loads((tmp_path / "batch_size.json").read_text()) == {"batch_size": 4}


def test_a_resumed_shard_starts_with_the_size_that_worked(tmp_path: Path) -> None:
    first = sample_shard(Small(5), plan(), PLAIN, tmp_path)
    assert [next(first)[0] for _ in range(3)] == [0, 4, 8]
    first.close()
    again = Small(5)
    assert sampled(again, tmp_path) == [8, 12, 16, 20, 22]
    assert max(again.asked) == 4
    sampled(Small(5), tmp_path / "whole")
    assert collect(plan(), tmp_path).equals(collect(plan(), tmp_path / "whole"))


def test_structures_depend_on_the_sizes_used_alone(tmp_path: Path) -> None:
    sampled(Small(4), tmp_path / "halved", batch_size=8)
    sampled(Small(100), tmp_path / "small", batch_size=4)
    assert collect(plan(), tmp_path / "halved").equals(collect(plan(), tmp_path / "small"))


def test_a_resumed_shard_may_have_another_size(tmp_path: Path) -> None:
    first = sample_shard(Small(100), plan(batch_size=6), PLAIN, tmp_path)
    assert [next(first)[0] for _ in range(2)] == [0, 6]
    first.close()
    assert sampled(Small(100), tmp_path, batch_size=10) == [6, 16, 22]
    assert finished(plan(), tmp_path) == 22
    assert collect(plan(), tmp_path)["index"].to_list() == list(range(22))


def test_lineages_stay_together(tmp_path: Path) -> None:
    assert sampled(Small(6), tmp_path, LINEAGES, batch_size=12, structures=20) == [0, 4, 8, 12, 16, 20]
    rows = collect(plan(structures=20), tmp_path)
    assert rows["lineage"].to_list() == [k // 4 for k in range(20)]


@pytest.mark.parametrize(
    ("steering", "holds", "what"), [(PLAIN, 0, "one structure"), (LINEAGES, 3, "4 particles")]
)
def test_a_single_lineage_that_does_not_fit_is_an_error(
    tmp_path: Path, steering: Steering, holds: int, what: str
) -> None:
    with pytest.raises(MemoryError, match=f"{what}.*sampling.batch_size"):
        sampled(Small(holds), tmp_path, steering, structures=16)
    assert not batch_path(tmp_path, 0).exists()


def test_the_order_of_shards_does_not_matter_and_global_generators_are_left_alone(tmp_path: Path) -> None:
    import random

    import numpy as np

    def states() -> tuple[object, ...]:
        words = np.random.get_state()[1].tolist()  # noqa: NPY002
        return torch.get_rng_state().tolist(), words, random.getstate()

    shards = [ShardPlan("c", "arm", k, 5 * k, 5, 4, 5, {2: 1.0}) for k in range(2)]
    before = states()
    for order in ([0, 1], [1, 0]):
        for k in order:
            for _ in sample_shard(Small(9), shards[k], PLAIN, tmp_path / f"{order}" / str(k)):
                pass
    assert states() == before
    for k in range(2):
        one, other = (collect(shards[k], tmp_path / f"{order}" / str(k)) for order in ([0, 1], [1, 0]))
        assert one.equals(other)
    assert collect(shards[0], tmp_path / "[0, 1]" / "0")["frac"].to_list() != one["frac"].to_list()


def test_other_errors_are_not_about_memory() -> None:
    assert not is_exhausted(RuntimeError("shapes cannot be multiplied"))
    assert not is_exhausted(ValueError("out of memory"))
    assert is_exhausted(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))


def test_an_error_of_the_work_is_raised_as_it_is(tmp_path: Path) -> None:
    def work(size: int) -> None:
        raise KeyError(size)

    with pytest.raises(KeyError):
        BatchSize(8, 1, tmp_path).attempt(work)
    assert not (tmp_path / "batch_size.json").exists()
