"""How much memory is left, as the kernel tells it, and how much a call took."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lodestone.runtime import headroom
from lodestone.runtime.headroom import TooLargeError, available, peak_of, require
from lodestone.runtime.memory import is_exhausted

GB = 10**9


def machine(folder: Path, kilobytes: int, cgroup: str = "") -> Path:
    (folder / "self").mkdir(parents=True)
    (folder / "meminfo").write_text(f"MemTotal: 99999999 kB\nMemAvailable: {kilobytes} kB\n")
    (folder / "self/cgroup").write_text(cgroup)
    return folder


def group(folder: Path, names: tuple[str, str], limit: object, used: int, stat: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in zip(names, (limit, used), strict=True):
        (folder / name).write_text(f"{value}\n")
    (folder / "memory.stat").write_text(stat)


def test_without_a_limit_it_is_what_the_machine_has(tmp_path: Path) -> None:
    proc = machine(tmp_path / "proc", 4_000_000, "0::/user\n")
    group(tmp_path / "cgroup/user", headroom.V2, "max", 5 * GB)
    assert available(proc, tmp_path / "cgroup") == 4_096_000_000


def test_the_limit_of_a_job_of_slurm_counts_although_a_step_has_none(tmp_path: Path) -> None:
    proc = machine(tmp_path / "proc", 8_000_000, "0::/slurm/job_7/step_0\n")
    group(tmp_path / "cgroup/slurm/job_7/step_0", headroom.V2, "max", GB)
    stat = f"anon 1\ninactive_file {GB // 2}\nactive_file {GB // 2}\n"
    group(tmp_path / "cgroup/slurm/job_7", headroom.V2, 3 * GB, 2 * GB, stat)
    assert available(proc, tmp_path / "cgroup") == 2 * GB  # what is kept of files is given up first


def test_cgroups_of_version_1(tmp_path: Path) -> None:
    proc = machine(tmp_path / "proc", 8_000_000, "5:cpu,cpuacct:/x\n4:memory:/slurm/job_7\n")
    group(tmp_path / "cgroup/memory/slurm/job_7", headroom.V1, 3 * GB, GB, f"total_inactive_file {GB // 4}\n")
    group(tmp_path / "cgroup/memory", headroom.V1, 9_223_372_036_854_771_712, GB)
    assert available(proc, tmp_path / "cgroup") == 2 * GB + GB // 4


def test_inside_of_a_container_the_path_outside_does_not_exist(tmp_path: Path) -> None:
    proc = machine(tmp_path / "proc", 8_000_000, "0::/../../kubepods/pod1\n")
    group(tmp_path / "cgroup", headroom.V2, 2 * GB, 3 * GB)
    assert available(proc, tmp_path / "cgroup") == 0


def test_where_nothing_is_told_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert available(tmp_path, tmp_path) is None
    monkeypatch.setattr(headroom, "available", lambda: None)
    require(1e18, "a galaxy")


def test_a_refusal_tells_both_amounts_and_is_one_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headroom, "available", lambda: 3 * GB)
    require(2.9e9, "420 atoms")
    with pytest.raises(TooLargeError, match=r"420 atoms need about 5\.1 GB, 3\.0 GB are left") as refused:
        require(5.1e9, "420 atoms")
    assert is_exhausted(refused.value)


def test_the_peak_of_a_call_is_what_it_took_and_gave_back() -> None:
    taken = peak_of(lambda: np.ones(25_000_000).sum())  # 200 MB
    if taken is None:
        pytest.skip("this kernel tells no peaks")
    assert 150e6 < taken < 300e6
    assert peak_of(lambda: None) < 20e6


def test_a_kernel_that_tells_no_peak_still_lets_the_call_run(tmp_path: Path) -> None:
    ran: list[int] = []
    assert peak_of(lambda: ran.append(1), tmp_path) is None
    assert ran == [1]
