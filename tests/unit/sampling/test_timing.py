"""The account of a shard's time goes on over all runs of its job."""

import sys
from types import SimpleNamespace

import pytest

from lodestone.runtime.stopwatch import Stopwatch
from lodestone.sampling.timing import Account, Timing, device_name, total


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def run(folder, clock, steps, device="cpu"):
    account = Account(folder, device, 10.0, clock)
    for seconds, done in steps:
        clock.now += seconds
        account.tell(done)
    return account.timing


def test_every_run_counts_and_what_was_there_before_does_not(tmp_path):
    clock = Clock()
    assert run(tmp_path, clock, [(100, 0), (5, 4), (6, 8)]) == Timing("cpu", 8, 80.0, 11.0)
    clock.now += 1000  # the time between two runs
    assert run(tmp_path, clock, [(100, 8), (7, 12)]) == Timing("cpu", 12, 120.0, 18.0)
    assert run(tmp_path, clock, [(100, 12)]) == Timing("cpu", 12, 120.0, 18.0)


def test_what_another_run_spent_on_a_batch_counts_with_it(tmp_path):
    clock = Clock()
    account = Account(tmp_path, "cpu", 10.0, clock)
    account.tell(0)
    clock.now += 5
    account.earlier(40.0)
    account.tell(4)
    clock.now += 6
    account.tell(8)
    assert account.timing == Timing("cpu", 8, 80.0, 51.0)


def test_the_potential_is_no_part_of_the_network_s_time(tmp_path):
    clock, potential = Clock(), Stopwatch()
    potential.seconds, potential.evaluations = 100.0, 7  # of a pilot before it
    account = Account(tmp_path, "cpu", 10.0, clock, potential)
    account.tell(0)
    clock.now += 50
    potential.seconds, potential.evaluations = 130.0, 1007
    account.tell(4)
    clock.now += 5
    account.tell(8)
    assert account.timing == Timing("cpu", 8, 80.0, 25.0, 1000, 30.0)
    assert account.timing.all_seconds == 55.0
    assert Account(tmp_path, "cpu", 10.0, clock, potential).timing == account.timing


def test_another_device_begins_anew(tmp_path):
    clock = Clock()
    run(tmp_path, clock, [(0, 0), (5, 4)])
    assert run(tmp_path, clock, [(0, 4), (1, 8)], "NVIDIA X") == Timing("NVIDIA X", 4, 40.0, 1.0)


@pytest.mark.parametrize("content", ["", "{", '{"device": "cpu"}'])
def test_an_account_that_cannot_be_read_begins_anew(tmp_path, content):
    (tmp_path / "timing.json").write_text(content)
    assert run(tmp_path, Clock(), [(0, 4), (5, 8)]) == Timing("cpu", 4, 40.0, 5.0)


def test_the_sum_is_that_of_the_device_that_did_most():
    timings = [Timing("cpu", 1, 10.0, 1.0), Timing("X", 4, 40.0, 1.0), Timing("X", 4, 40.0, 2.0)]
    assert total(timings) == Timing("X", 8, 80.0, 3.0)
    assert total([]) is None


def test_a_gpu_is_called_by_its_name(monkeypatch):
    cuda = SimpleNamespace(get_device_name=lambda: "NVIDIA H100 80GB HBM3")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert device_name("cuda") == "NVIDIA H100 80GB HBM3"
    assert device_name("cpu") == "cpu"


def test_a_gpu_in_tf32_is_another_speed_than_one_in_float32(monkeypatch, tmp_path):
    cuda = SimpleNamespace(get_device_name=lambda: "NVIDIA X1")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    fast = device_name("cuda", tf32=True)
    assert fast == "NVIDIA X1, dense layers in TF32"
    assert device_name("cpu", tf32=True) == "cpu"
    run(tmp_path, Clock(), [(0, 0), (5, 4)], "NVIDIA X1")
    assert run(tmp_path, Clock(), [(0, 4), (1, 8)], fast) == Timing(fast, 4, 40.0, 1.0)
