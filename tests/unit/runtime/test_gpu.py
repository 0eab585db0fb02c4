"""Why torch can use no GPU, from what torch and the system say."""

import os
import subprocess
import sys

import pytest

from lodestone.runtime import gpu
from lodestone.runtime.gpu import Sight, fault

GOOD = {
    "torch": "2.13.0",
    "built_for": "13.0",
    "usable": True,
    "name": "NVIDIA X1",
    "count": 1,
    "capability": (8, 0),
    "kernels": ("sm_75", "sm_80", "sm_90", "sm_120", "compute_120"),
    "driver": "580.65.06",
    "files": 1,
}
UNUSABLE = {"usable": False, "count": 0, "name": None, "capability": None, "kernels": ()}


def sight(**changes):
    return Sight(**GOOD | changes)


@pytest.mark.parametrize(
    ("changes", "cause", "remedy"),
    [
        ({"torch": "2.13.0+cpu", "built_for": None}, "2.13.0+cpu is built without", "make setup DEVICE=cuda"),
        ({"visible": ""}, "CUDA_VISIBLE_DEVICES='' shows no GPU", "gpus: 1"),
        ({"visible": "-1"}, "CUDA_VISIBLE_DEVICES='-1'", "unset"),
        ({"visible": "NoDevFiles"}, "CUDA_VISIBLE_DEVICES='NoDevFiles'", "gpus: 1"),
        ({"driver": None, "files": 0, "visible": "0"}, "no NVIDIA driver and no /dev", "slurm_partition"),
        ({"driver": "535.104.05"}, "driver 535.104.05 is too old", "DEVICE=cuda12`, or a driver from 580"),
        ({"driver": "470.82.01"}, "driver 470.82.01 is too old", "a driver from 580"),
        ({"driver": "470.82.01", "built_for": "12.8"}, "CUDA 12.8 needs 525", "a driver from 525"),
        ({"files": 0}, "finds no GPU (driver 580.65.06, 0 of /dev/nvidia*", "nvidia-smi -L"),
        ({"error": "CUDA unknown error"}, "CUDA unknown error", "nvidia-smi -L"),
    ],
)  # fmt: skip
def test_the_cause_is_named_with_what_to_do(changes, cause, remedy):
    found = fault(sight(**UNUSABLE | changes))
    assert cause in found.cause
    assert remedy in found.remedy


def test_a_driver_that_is_too_old_for_cuda_12_is_not_told_to_take_it():
    assert "cuda12" not in fault(sight(**UNUSABLE, driver="470.82.01")).remedy


def test_a_gpu_that_torch_uses_is_no_fault_whatever_its_driver():
    assert fault(sight()) is None
    assert fault(sight(driver="535.1")) is None  # with NVIDIA's package of forward compatibility
    assert fault(sight(visible="3")) is None
    assert fault(sight(kernels=())) is None


@pytest.mark.parametrize(
    ("capability", "kernels", "served"),
    [
        ((8, 9), ("sm_80", "sm_86"), True),
        ((8, 0), ("sm_86",), False),
        ((9, 0), ("sm_80",), False),
        ((9, 0), ("sm_90a",), True),
        ((10, 3), ("sm_80", "compute_90"), True),
        ((12, 0), ("sm_120",), True),
        ((7, 0), ("sm_75", "compute_75"), False),
        ((7, 0), ("sm_70", "sm_75"), True),
    ],
)
def test_a_card_is_served_by_its_own_kernels_or_by_those_that_its_driver_compiles(
    capability, kernels, served
):
    assert (fault(sight(capability=capability, kernels=kernels)) is None) == served


def test_a_v100_under_cuda_13_is_sent_to_cuda_12_and_an_older_card_nowhere():
    old = fault(sight(name="Tesla V100", capability=(7, 0)))
    assert "no kernels for the Tesla V100 (compute capability 7.0" in old.cause
    assert "make setup DEVICE=cuda12" in old.remedy
    assert "cuda12" not in fault(sight(capability=(6, 1))).remedy
    assert "cuda12" not in fault(sight(capability=(7, 0), built_for="12.8")).remedy


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n", "535.104.05"),
        ("NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (dvs)\nGCC\n", "570.86.15"),
    ],
)  # fmt: skip
def test_the_driver_is_that_of_the_loaded_module(tmp_path, monkeypatch, text, version):
    (tmp_path / "version").write_text(f"NVRM version: {text}")
    monkeypatch.setattr(gpu, "VERSION_FILE", tmp_path / "version")
    assert gpu.driver() == version


def test_without_the_module_s_file_nvidia_smi_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "VERSION_FILE", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu.driver() is None
    script = tmp_path / "nvidia-smi"
    script.write_text("#!/bin/sh\necho 550.54.15\necho 550.54.15\n")
    script.chmod(0o755)
    assert gpu.driver() == "550.54.15"
    script.write_text("#!/bin/sh\necho NVIDIA-SMI has failed\nexit 9\n")
    assert gpu.driver() is None


def test_a_look_loads_torch_and_nothing_else_that_is_heavy():
    code = (
        "import sys; from lodestone.runtime import gpu; s = gpu.look(); print(gpu.fault(s) is None)\n"
        "heavy = {'mattergen', 'tensorflow', 'pymatgen', 'ase', 'torch_geometric'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.stdout == "False\n"
    assert done.stderr == ""
