"""What did not fit on a kind of device is remembered for all jobs of a campaign and stage."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lodestone.runtime import remembered
from lodestone.runtime.memory import BatchSize
from lodestone.runtime.remembered import Remembered


@pytest.fixture(autouse=True)
def no_job() -> Iterator[None]:
    yield
    remembered.begin(None, "")


def test_a_file_beside_the_results_for_each_stage_and_kind_of_device(tmp_path: Path) -> None:
    remembered.begin(tmp_path / "state/co_o_4-s0.1/0007", "sample")
    found = remembered.remembered("gradient", "NVIDIA A100-SXM4-40GB")
    assert found == Remembered(tmp_path / "batch_sizes/sample-gradient-NVIDIA-A100-SXM4-40GB.json")
    assert remembered.remembered("plain", "NVIDIA H200").path.name == "sample-plain-NVIDIA-H200.json"


def test_of_a_cpu_and_outside_of_a_campaign_nothing_is(tmp_path: Path) -> None:
    assert remembered.remembered("plain", "NVIDIA H200") is None
    remembered.begin(tmp_path, "sample")
    assert remembered.remembered("plain", "NVIDIA H200") is None
    remembered.begin(tmp_path / "state/a/0000", "sample")
    assert remembered.remembered("plain", "cpu") is None


def test_it_only_ever_lowers(tmp_path: Path) -> None:
    known = Remembered(tmp_path / "batch_sizes/x.json")
    assert known.most(128) == 128
    for size, then in ((64, 64), (96, 64), (64, 64), (16, 16)):
        known.lower(size)
        assert known.most(128) == then
    assert known.most(8) == 8
    assert json.loads(known.path.read_text()) == {"batch_size": 16}


def test_what_is_broken_is_set_aside(tmp_path: Path) -> None:
    known = Remembered(tmp_path / "x.json")
    for text in ('{"batch_si', "[3]", '{"batch_size": 0}', '{"batch_size": true}'):
        known.path.write_text(text)
        assert known.most(128) == 128
    known.lower(32)
    assert known.most(128) == 32


def test_jobs_that_write_at_the_same_time_leave_a_whole_file(tmp_path: Path) -> None:
    known = Remembered(tmp_path / "batch_sizes/x.json")
    jobs = [
        threading.Thread(target=lambda k=k: [known.lower(size) for size in range(200 + k, 10, -8)])
        for k in range(4)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert 10 < known.most(10_000) < 40
    assert [path.name for path in known.path.parent.iterdir()] == ["x.json"]


def test_the_next_shard_begins_with_what_fitted_in_the_last(tmp_path: Path) -> None:
    known = Remembered(tmp_path / "x.json")

    def work(size: int) -> int:
        if size > 40:
            raise MemoryError
        return size

    assert BatchSize(128, 1, tmp_path / "0", known=known).attempt(work) == 32
    other = BatchSize(128, 1, tmp_path / "1", known=known)
    assert other.now == 32
    assert not other.resumed
    assert BatchSize(16, 1, tmp_path / "2", known=known).now == 16


def test_it_counts_what_the_network_holds_not_what_makes_the_sample(tmp_path: Path) -> None:
    known = Remembered(tmp_path / "x.json")
    known.lower(30)  # particles
    assert BatchSize(100, 1, tmp_path / "0", known=known, width=8).now == 3  # one of each lineage of 8
    assert BatchSize(100, 8, tmp_path / "1", known=known).now == 24  # all of them
    assert BatchSize(100, 64, tmp_path / "2", known=known).now == 64  # a lineage is never torn
    one = BatchSize(2, 1, tmp_path / "3", known=known, width=8)
    one.halve()
    assert known.most(100) == 8
