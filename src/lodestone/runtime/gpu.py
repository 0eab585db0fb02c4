"""Whether torch can use a GPU here; where it cannot, why, and what to do.

Nothing is loaded but torch, so a job that asked for a GPU and would get none ends in seconds.

Sources: NVIDIA, CUDA Compatibility (https://docs.nvidia.com/deploy/cuda-compatibility/): the least driver of
each CUDA, which minor versions share.
"""

from __future__ import annotations

import os
import re
import subprocess
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LEAST_DRIVER = {11: 450, 12: 525, 13: 580}
"""The oldest driver of each CUDA; envs/device.sh chooses the pinned list by the same numbers."""
VERSION_FILE = Path("/proc/driver/nvidia/version")
DEVICES = Path("/dev")
NONE_VISIBLE = {"", "-1", "NoDevFiles", "none"}
"""Values of CUDA_VISIBLE_DEVICES that show no GPU; the third is SLURM's."""


NO_DRIVER = "there is no NVIDIA driver and no /dev/nvidia* on this machine"
WITH_GPUS = (
    "a partition whose nodes have GPUs (slurm_partition of the profile; `sinfo -o '%P %G'` lists them)"
)


@dataclass(frozen=True)
class Fault:
    """Why torch can use no GPU, and what to do."""

    cause: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.cause} -> {self.remedy}"


@dataclass(frozen=True)
class Sight:
    """What torch and the system say about GPUs."""

    torch: str
    """Version."""
    built_for: str | None
    """The CUDA that this torch brings, as in 13.0; None for one that is built for CPUs alone."""
    usable: bool
    """Whether torch finds a GPU that it can talk to."""
    name: str | None = None
    """Of the first visible GPU."""
    count: int = 0
    capability: tuple[int, int] | None = None
    """Compute capability of the first visible GPU."""
    kernels: tuple[str, ...] = ()
    """What this torch has kernels for: sm_80, compute_90."""
    driver: str | None = None
    """Version of NVIDIA's driver; None where none is loaded."""
    files: int = 0
    """GPUs below /dev."""
    visible: str | None = None
    """CUDA_VISIBLE_DEVICES."""
    error: str = ""
    """torch's own words."""

    @property
    def on_machine(self) -> bool:
        """Whether the machine has a GPU, or the driver of one."""
        return self.driver is not None or self.files > 0


def look() -> Sight:
    """Ask torch, the driver and the system; raises ImportError where there is no torch."""
    import torch

    version, built_for = str(torch.__version__), torch.version.cuda
    system: dict[str, Any] = {
        "driver": driver(),
        "files": len([p for p in DEVICES.glob("nvidia*") if re.fullmatch(r"nvidia\d+", p.name)]),
        "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }
    if built_for is None:
        return Sight(version, None, usable=False, **system)
    error = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of what is told here
        try:
            torch.cuda.init()
            count = int(torch.cuda.device_count())
        except (RuntimeError, AssertionError) as broken:
            count, error = 0, " ".join(str(broken).split())
        if not count:
            return Sight(version, built_for, usable=False, error=error, **system)
        major, minor = torch.cuda.get_device_capability()
        return Sight(
            version,
            built_for,
            usable=True,
            name=str(torch.cuda.get_device_name()),
            count=count,
            capability=(int(major), int(minor)),
            kernels=tuple(torch.cuda.get_arch_list()),
            **system,
        )


def driver() -> str | None:
    """The version of NVIDIA's driver: of the loaded module, else as nvidia-smi tells it."""
    with suppress(OSError):
        if found := re.search(r"^NVRM version:.* (\d+\.[\d.]+) ", VERSION_FILE.read_text(), re.MULTILINE):
            return found[1]
    with suppress(OSError, subprocess.TimeoutExpired):
        asked = subprocess.run(
            ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
        first = (asked.stdout.strip().splitlines() or [""])[0]
        if asked.returncode == 0 and re.match(r"\d", first):
            return first
    return None


def built_without(sight: Sight) -> Fault | None:
    """That torch is built for CPUs alone, which is so on every machine that shares the environment."""
    if sight.built_for is not None:
        return None
    return Fault(
        f"torch {sight.torch} is built without CUDA",
        "`make setup DEVICE=cuda` in the folder of Lodestone (DEVICE=cuda12 for drivers below 580, and V100)",
    )


def fault(sight: Sight) -> Fault | None:
    """Why torch can use no GPU on this machine; None where it can. Pure."""
    if (without := built_without(sight)) is not None:
        return without
    if sight.usable:
        return None if _has_kernels(sight) else _old_card(sight)
    if sight.visible is not None and sight.visible.strip() in NONE_VISIBLE:
        return Fault(
            f"CUDA_VISIBLE_DEVICES={sight.visible!r} shows no GPU to this process",
            "ask SLURM for one (`gpus: 1` under set-resources of the profile), or unset CUDA_VISIBLE_DEVICES "
            "where a shell or submitit-setup sets it",
        )
    if sight.driver is None and not sight.files:
        return Fault(NO_DRIVER, WITH_GPUS)
    return _old_driver(sight) or _unseen(sight)


def _old_driver(sight: Sight) -> Fault | None:
    assert sight.built_for is not None
    least = LEAST_DRIVER.get(int(sight.built_for.split(".")[0]))
    if sight.driver is None or least is None or int(sight.driver.split(".")[0]) >= least:
        return None
    fits = int(sight.driver.split(".")[0]) >= LEAST_DRIVER[12]
    return Fault(
        f"NVIDIA's driver {sight.driver} is too old for torch {sight.torch}, whose CUDA {sight.built_for} "
        f"needs {least} or newer",
        ("`make setup DEVICE=cuda12`, or " if fits else "")
        + f"a driver from {least} on (ask those who run the machine)",
    )


def _unseen(sight: Sight) -> Fault:
    shown = "not set" if sight.visible is None else repr(sight.visible)
    found = f"driver {sight.driver or 'unknown'}, {sight.files} of /dev/nvidia*, CUDA_VISIBLE_DEVICES {shown}"
    said = f": {sight.error}" if sight.error else ""
    return Fault(
        f"torch {sight.torch} finds no GPU ({found}){said}", "look at `nvidia-smi -L` in a job of this kind"
    )


def _old_card(sight: Sight) -> Fault:
    assert sight.capability is not None
    major, minor = sight.capability
    remedy = 'another kind of GPU (`gpus: "a100:1"`, constraint)'
    if sight.capability >= (7, 0) and not str(sight.built_for).startswith("12."):
        remedy = f"`make setup DEVICE=cuda12`, or {remedy}"
    return Fault(
        f"torch {sight.torch} has no kernels for the {sight.name} (compute capability {major}.{minor}; "
        f"it has {', '.join(sight.kernels)})",
        remedy,
    )


def _has_kernels(sight: Sight) -> bool:
    """Whether kernels are for this card, a lesser minor version, or in a form that its driver compiles."""
    if sight.capability is None or not sight.kernels:
        return True
    return any(_serves(kernel, sight.capability) for kernel in sight.kernels)


def _serves(kernel: str, capability: Sequence[int]) -> bool:
    match = re.fullmatch(r"(sm|compute)_(\d+)(\d)[a-z]?", kernel)
    if match is None:
        return False
    made_for = (int(match[2]), int(match[3]))
    if match[1] == "compute":  # PTX, for this and every later card
        return made_for <= tuple(capability)
    return made_for[0] == capability[0] and made_for[1] <= capability[1]
