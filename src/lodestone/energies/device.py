"""Whether an estimator can use the GPU that its job asked for; told before a model is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from lodestone.energies.estimators import settings_of
from lodestone.runtime import device, gpu
from lodestone.runtime.gpu import Fault

AND_CUDA = (
    "put `tensorflow[and-cuda]` of the same version in place of tensorflow-cpu, or gpus: 0 for this rule"
)


def insist(estimator: Mapping[str, Any]) -> None:
    """Nothing where no GPU is asked for, or the estimator `{kind: ..., ...}` can use one.

    Raises:
        DeviceError: a GPU is asked for that it would not use.
    """
    if device.wanted() == "cuda":
        device.insist(built_without(estimator) or _unseen(estimator))


def built_without(estimator: Mapping[str, Any]) -> Fault | None:
    """What of the installation keeps an estimator from any GPU: the same on every machine that shares it."""
    runs_on = settings_of(estimator).runs_on
    if runs_on == "cpu":
        cause = f"the estimator {estimator['kind']} computes on CPUs here"
        return Fault(cause, "gpus: 0 for this rule in the profile, on a partition without GPUs")
    if runs_on == "torch":
        return gpu.built_without(gpu.look())
    if runs_on == "tensorflow" and _installed("tensorflow-cpu") and not _installed("tensorflow"):
        return Fault(f"TensorFlow, on which {estimator['kind']} runs, is built without CUDA", AND_CUDA)
    return None


def _unseen(estimator: Mapping[str, Any]) -> Fault | None:
    """What of this machine keeps it from a GPU."""
    sight = gpu.look()
    found = gpu.fault(sight)
    if settings_of(estimator).runs_on == "torch":
        return found
    if found is not None and sight.built_for is not None and not sight.usable:
        return found  # no driver, or none visible: so for every library
    if not sight.on_machine:
        return Fault(gpu.NO_DRIVER, gpu.WITH_GPUS)
    return _tensorflow_sees() if settings_of(estimator).runs_on == "tensorflow" else None


def _tensorflow_sees() -> Fault | None:
    from lodestone.energies.estimators.grace.tensorflow import load_tensorflow

    tensorflow = load_tensorflow()
    if not tensorflow.test.is_built_with_cuda():
        return Fault(f"TensorFlow {tensorflow.__version__} is built without CUDA", AND_CUDA)
    if not tensorflow.config.list_physical_devices("GPU"):
        cause = f"TensorFlow {tensorflow.__version__} finds no GPU, though the machine has one"
        return Fault(
            cause, "look at `nvidia-smi` in a job of this kind, and at the CUDA libraries of TensorFlow"
        )
    return None


def _installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
