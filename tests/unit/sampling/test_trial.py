"""A batch on a device is tried before the first is drawn: the size that fits is found at the start."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lodestone.constraints.clean import CleanEstimate
from lodestone.runtime import remembered
from lodestone.sampling import trial
from lodestone.sampling.guidance import GuidanceOptions
from lodestone.sampling.loop import LoopOptions
from lodestone.sampling.particles import ParticleOptions
from lodestone.sampling.shard import ShardPlan, Steering, collect, sample_shard
from lodestone.sampling.state import Kernel, Score, State
from lodestone.sampling.trial import UNGUIDED, Trial, trial_of

GB = 10**9


class Device:
    """A network on a device that holds so many atoms, and a quarter of them with a gradient."""

    def __init__(self, holds: int) -> None:
        self.times, self.holds, self.passes = torch.linspace(1.0, 0.1, 10), holds, 0
        self.asked: list[tuple[int, int, bool, float]] = []
        """Structures, atoms of the largest, whether for a gradient, time."""

    def prior(self, n_atoms: list[int]) -> State:
        n = torch.tensor(n_atoms)
        idx = torch.repeat_interleave(torch.arange(len(n)), n)
        cell = 4 * torch.eye(3).repeat(len(n), 1, 1)
        return State(torch.rand(len(idx), 3), cell, torch.full((len(idx),), 8), n, idx)

    def score(self, state: State, t: Tensor) -> Score:
        self.passes += 1
        gradient = state.frac.requires_grad
        self.asked.append((state.n_structures, int(state.n_atoms.max()), gradient, float(t)))
        if len(state.frac) > (self.holds // 4 if gradient else self.holds):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        logits = torch.zeros(len(state.frac), 101)
        return Score(0 * state.frac, 0 * state.cell, logits)

    def correct(self, state: State, score: Score, t: Tensor) -> State:  # noqa: ARG002
        return state

    def predict(self, state: State, score: Score, t: Tensor) -> tuple[State, State]:  # noqa: ARG002
        moved = state.with_fields(torch.rand_like(state.frac), state.cell, state.numbers)
        return moved, moved

    def kernel(self, state: State, t: Tensor, *, steps_later: int = 0) -> Kernel:  # noqa: ARG002
        one = torch.ones(state.n_structures, 3, 3)
        return Kernel(torch.full((len(state.frac), 1), 0.1), torch.tensor(0.9), one, one, 0.5)


class Volume:
    """An objective with a gradient."""

    def gap(self, clean: CleanEstimate) -> Tensor:
        return (torch.linalg.det(clean.cell).abs() / clean.n_atoms - 10).abs()

    loss = gap


LATE = GuidanceOptions(0.1, forward=0.5, start=0.25)  # wakes up on the last two of ten levels
GUIDED = Steering(Volume(), LATE, LoopOptions())  # type: ignore[arg-type]
LINEAGES = Steering(
    Volume(), GuidanceOptions(0.0), LoopOptions(), ParticleOptions(4, 1.0, (0.5,), one_per_lineage=True)
)  # type: ignore[arg-type]


def plan(batch_size: int = 16, structures: int = 24) -> ShardPlan:
    return ShardPlan("c", "arm", 0, 0, structures, batch_size, 5, {2: 0.9, 6: 0.1})


def tried(device: Device, steering: Steering, *, auto: bool = False) -> Trial:
    return Trial(device, steering, 6, "NVIDIA X", auto)


def sampled(
    device: Device, steering: Steering, folder: Path, *, auto: bool = False, **options: int
) -> list[int]:
    made = tried(device, steering, auto=auto)
    return [done for done, _ in sample_shard(device, plan(**options), steering, folder, trial=made)]


@pytest.fixture(autouse=True)
def no_job() -> Iterator[None]:
    yield
    remembered.begin(None, "")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A device of torch that tells what one pass took, and what is free."""
    told = {"taken": 0, "free": 0}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)  # no generator of random numbers
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 100)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 100)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 100 + told["taken"])
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (told["free"], 10 * told["free"]))
    return told


def test_memory_runs_out_before_the_first_level_and_not_in_the_last(tmp_path: Path) -> None:
    device = Device(96)
    assert sampled(device, GUIDED, tmp_path) == [0, 4, 8, 12, 16, 20, 24]
    assert device.asked[0] == (16, 6, False, 1.0)  # the largest cells that the plan may draw
    assert device.asked[1] == (16, 6, True, pytest.approx(0.2))  # where guidance acts
    assert [one[0] for one in device.asked[:6]] == [16, 16, 8, 8, 4, 4]
    assert max(one[0] for one in device.asked[6:]) == 4
    assert collect(plan(), tmp_path)["batch_size"].to_list() == [4] * 24


def test_what_guidance_does_not_ask_for_is_not_tried(tmp_path: Path) -> None:
    device = Device(96)
    assert sampled(device, UNGUIDED, tmp_path) == [0, 16, 24]
    assert not any(gradient for *_, gradient, _ in device.asked)


def test_the_trial_leaves_no_trace_in_the_structures(tmp_path: Path) -> None:
    list(sample_shard(Device(10**6), plan(), GUIDED, tmp_path / "plain"))
    sampled(Device(10**6), GUIDED, tmp_path / "tried")
    assert collect(plan(), tmp_path / "plain").equals(collect(plan(), tmp_path / "tried"))


def test_random_numbers_and_the_count_of_passes_stay_as_they_were() -> None:
    def states() -> tuple[object, ...]:
        words = np.random.get_state()[1].tolist()  # noqa: NPY002
        return torch.get_rng_state().tolist(), words, random.getstate()

    device, before = Device(10**6), states()
    tried(device, GUIDED).taken(16)
    assert device.asked
    assert (states(), device.passes) == (before, 0)


def test_every_particle_of_a_lineage_is_tried(tmp_path: Path) -> None:
    device = Device(96)  # 16 structures of 6 atoms: four lineages of four
    assert sampled(device, LINEAGES, tmp_path, batch_size=8)[:3] == [0, 4, 8]
    assert [one[0] for one in device.asked[:3]] == [32, 16, 16]


def test_a_lineage_that_never_fits_ends_the_job_at_once(tmp_path: Path) -> None:
    device = Device(20)
    with pytest.raises(MemoryError, match=r"one structure.*sampling\.atoms"):
        sampled(device, GUIDED, tmp_path)
    assert all(one[1] == 6 for one in device.asked)


def test_other_faults_of_the_trial_are_left_to_the_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    device = Device(10**6)
    monkeypatch.setattr(Trial, "_pass", lambda *_: 1 / 0)
    assert sampled(device, UNGUIDED, tmp_path) == [0, 16, 24]
    assert "trial of a batch: ZeroDivisionError" in capsys.readouterr().err


def test_a_finished_shard_is_not_tried(tmp_path: Path) -> None:
    sampled(Device(10**6), UNGUIDED, tmp_path)
    again = Device(10**6)
    assert sampled(again, UNGUIDED, tmp_path) == [24]
    assert again.asked == []


def test_the_next_shard_knows_what_the_first_has_learnt(tmp_path: Path) -> None:
    remembered.begin(tmp_path / "state/arm/0000", "sample")
    sampled(Device(96), GUIDED, tmp_path / "0")
    other = Device(96)
    sampled(other, GUIDED, tmp_path / "1")
    assert max(one[0] for one in other.asked) == 4
    plain = Device(96)  # needs less, and has a memory of its own
    assert sampled(plain, UNGUIDED, tmp_path / "2") == [0, 16, 24]
    names = [path.name for path in (tmp_path / "batch_sizes").iterdir()]
    assert names == ["sample-gradient-NVIDIA-X.json"]


def test_auto_fills_the_device(
    tmp_path: Path, gpu: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    gpu |= {"taken": 16 * 10**6, "free": 50 * 10**6}  # 1 MB each, 40 of 50 MB may be taken
    device = Device(10**6)
    assert sampled(device, UNGUIDED, tmp_path, auto=True, structures=100) == [0, 40, 80, 100]
    assert [one[:2] for one in device.asked[:2]] == [(16, 6), (40, 6)]
    said = capsys.readouterr().err
    assert (
        "batch_size: auto is 40 structures of up to 6 atoms on NVIDIA X: 1.0 MB each, 0.1 GB are free" in said
    )


def test_auto_chooses_no_more_than_there_is_to_draw_and_less_where_little_is_free(
    tmp_path: Path, gpu: dict[str, int]
) -> None:
    gpu |= {"taken": 16 * 10**6, "free": 50 * GB}
    assert sampled(Device(10**6), UNGUIDED, tmp_path / "0", auto=True, structures=100) == [0, 100]
    gpu |= {"free": 15 * 10**6}
    assert sampled(Device(10**6), UNGUIDED, tmp_path / "1", auto=True)[:2] == [0, 12]


def test_what_auto_has_chosen_stays_for_a_resumed_shard(tmp_path: Path, gpu: dict[str, int]) -> None:
    gpu |= {"taken": 16 * 10**6, "free": 50 * 10**6}
    device, long = Device(10**6), plan(structures=100)
    first = sample_shard(device, long, UNGUIDED, tmp_path, trial=tried(device, UNGUIDED, auto=True))
    assert [next(first)[0] for _ in range(2)] == [0, 40]
    first.close()
    gpu |= {"free": 20 * 10**6}  # another job is on the device now
    assert sampled(Device(10**6), UNGUIDED, tmp_path, auto=True, structures=100) == [40, 80, 100]


def test_where_the_device_tells_nothing_auto_is_the_number_to_begin_with(tmp_path: Path) -> None:
    assert sampled(Device(10**6), UNGUIDED, tmp_path, auto=True) == [0, 16, 24]


def test_on_a_cpu_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"sampling": {"batch_size": "auto"}}
    assert trial_of(Device(1), plan(), GUIDED, settings, "cpu") is None
    monkeypatch.setattr(trial, "device_name", lambda _: "NVIDIA X")
    made = trial_of(Device(1), plan(), GUIDED, settings, "cuda")
    assert made is not None
    assert (made.atoms, made.auto, made.differentiates) == (6, True, True)
    made = trial_of(Device(1), plan(), UNGUIDED, {"sampling": {"batch_size": 9}}, "cuda", atoms=40)
    assert made is not None
    assert (made.atoms, made.auto, made.differentiates) == (40, False, False)
