"""What a job computes on: what was asked for, and never silently something else.

A job that asked SLURM for a GPU (`gpus`, `gres`) fails at its start where torch can use none.
`LODESTONE_DEVICE` is the user's own word, which wins: `cpu` samples on CPUs whatever was asked for, `cuda`
insists on a GPU, `auto` leaves it to what the job asks for, and takes a GPU where there is one if it asks for
nothing. Which GPU it is, is SLURM's affair: the first that CUDA_VISIBLE_DEVICES shows, never set here.
"""

from __future__ import annotations

import os
from typing import Literal, cast

from lodestone.runtime import gpu

VARIABLE = "LODESTONE_DEVICE"
Choice = Literal["auto", "cpu", "cuda"]
CHOICES = ("auto", "cpu", "cuda")
ON_CPUS = (
    f"to compute on CPUs all the same: `export {VARIABLE}=cpu` before the command (or in submitit-setup), "
    "or gpus: 0 in the profile"
)


class DeviceError(RuntimeError):
    """A GPU was asked for, and there is none to be used; the message tells why, and what to do."""


def wanted() -> Choice:
    """What `LODESTONE_DEVICE` says; raises DeviceError for a word that it may not be."""
    found = os.environ.get(VARIABLE, "").strip().lower() or "auto"
    if found not in CHOICES:
        raise DeviceError(f"{VARIABLE} is {found!r}; allowed: {', '.join(CHOICES)}")
    return cast("Choice", found)


def settle(asked: str | None) -> str:
    """Write down for this process and its children what a job computes on; a line on it for the log.

    `asked` are the GPUs that the job asked for, in words, as `gpus=1`; None for none.

    Raises:
        DeviceError: `LODESTONE_DEVICE` is no allowed word.
    """
    own = wanted()
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    visible = "CUDA_VISIBLE_DEVICES is not set" if shown is None else f"CUDA_VISIBLE_DEVICES={shown}"
    if own != "auto":
        beside = f", though the job asks for {asked}" if own == "cpu" and asked else ""
        return f"device: {own}, as {VARIABLE} says{beside}; {visible}"
    if asked is None:
        return f"device: no GPU is asked for; {visible}"
    os.environ[VARIABLE] = "cuda"
    return f"device: a GPU, as the job asks for {asked}; {visible}"


def for_torch() -> Literal["cpu", "cuda"]:
    """The device of torch: the first visible GPU, or the CPU.

    Raises:
        DeviceError: a GPU was asked for, and torch can use none.
    """
    choice = wanted()
    if choice == "cuda":
        insist(gpu.fault(gpu.look()))
        return "cuda"
    if choice == "cpu":
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def insist(found: gpu.Fault | None) -> None:
    """Raise DeviceError for a fault, with what to do; nothing where there is none."""
    if found is not None:
        raise DeviceError(f"a GPU is asked for, but {found.cause}; remedy: {found.remedy}; {ON_CPUS}")
