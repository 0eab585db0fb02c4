"""Whether an estimator can use the GPU that its job asked for."""

import pytest

from lodestone.energies import device as energy_device
from lodestone.energies.device import built_without, insist
from lodestone.energies.estimators.chgnet import Chgnet
from lodestone.runtime import device, gpu
from lodestone.runtime.device import DeviceError

GRACE, CHGNET, EMT = (
    {"kind": "grace", "model": "embedded"},
    {"kind": "chgnet"},
    {"kind": "ase", "calculator": "emt"},
)
THERE = gpu.Sight("2.13.0", "13.0", usable=True, name="NVIDIA X1", count=1, driver="580.1", files=1)


@pytest.fixture
def cuda(monkeypatch):
    monkeypatch.setenv(device.VARIABLE, "cuda")


@pytest.fixture
def installed(monkeypatch):
    def only(*names):
        monkeypatch.setattr(energy_device, "_installed", lambda name: name in names)

    return only


def test_nothing_is_looked_at_where_no_gpu_is_asked_for(monkeypatch):
    monkeypatch.setattr(gpu, "look", lambda: pytest.fail("torch was asked"))
    for said in ("", "auto", "cpu"):
        monkeypatch.setenv(device.VARIABLE, said)
        for estimator in (GRACE, CHGNET, EMT):
            insist(estimator)


@pytest.mark.usefixtures("cuda")
def test_a_tensorflow_without_cuda_is_told_without_loading_it(installed, monkeypatch):
    monkeypatch.setattr(energy_device, "_tensorflow_sees", lambda: pytest.fail("TensorFlow was loaded"))
    monkeypatch.setattr(gpu, "look", lambda: THERE)
    installed("tensorflow-cpu")
    with pytest.raises(
        DeviceError, match=r"TensorFlow, on which grace runs, is built without CUDA.*and-cuda"
    ):
        insist(GRACE)


@pytest.mark.usefixtures("cuda")
def test_a_tensorflow_with_cuda_is_asked_itself(installed, monkeypatch):
    installed("tensorflow")
    monkeypatch.setattr(gpu, "look", lambda: THERE)
    monkeypatch.setattr(energy_device, "_tensorflow_sees", lambda: None)
    insist(GRACE)
    monkeypatch.setattr(energy_device, "_tensorflow_sees", lambda: gpu.Fault("it finds none", "look"))
    with pytest.raises(DeviceError, match="it finds none"):
        insist(GRACE)


@pytest.mark.usefixtures("cuda")
def test_the_torch_of_the_cpu_list_does_not_matter_to_tensorflow(installed, monkeypatch):
    installed("tensorflow")
    monkeypatch.setattr(energy_device, "_tensorflow_sees", lambda: None)
    monkeypatch.setattr(
        gpu, "look", lambda: gpu.Sight("2.13.0+cpu", None, usable=False, driver="580.1", files=1)
    )
    insist(GRACE)


@pytest.mark.usefixtures("cuda")
def test_what_never_uses_a_gpu_says_so(monkeypatch):
    monkeypatch.setattr(Chgnet, "runs_on", "cpu")
    with pytest.raises(DeviceError, match=r"chgnet computes on CPUs here.*gpus: 0"):
        insist(CHGNET)
    assert built_without(EMT) is None


@pytest.mark.usefixtures("cuda")
def test_chgnet_runs_where_torch_does(monkeypatch):
    monkeypatch.setattr(gpu, "look", lambda: THERE)
    insist(CHGNET)
    monkeypatch.setattr(gpu, "look", lambda: gpu.Sight("2.13.0+cpu", None, usable=False))
    for refused in (insist, lambda _: Chgnet().create(8)):
        with pytest.raises(DeviceError, match="built without CUDA"):
            refused(CHGNET)


@pytest.mark.parametrize("said", ["", "auto", "cpu"])
def test_chgnet_computes_on_cpus_where_no_gpu_is_there_or_wanted(said, monkeypatch):
    import torch

    monkeypatch.setenv(device.VARIABLE, said)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: said == "cpu")
    assert Chgnet().create(8).described["device"] == "cpu"


@pytest.mark.usefixtures("cuda")
def test_a_machine_without_a_gpu_is_told_for_any_calculator(monkeypatch):
    monkeypatch.setattr(gpu, "look", lambda: gpu.Sight("2.13.0+cpu", None, usable=False))
    with pytest.raises(DeviceError, match="no NVIDIA driver"):
        insist(EMT)
    monkeypatch.setattr(gpu, "look", lambda: THERE)
    insist(EMT)
