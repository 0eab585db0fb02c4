"""What a job computes on."""

import pytest

from lodestone.runtime import device, gpu
from lodestone.runtime.device import DeviceError, for_torch, settle, wanted

SIGHT = gpu.Sight("2.13.0", "13.0", usable=True, name="NVIDIA X1", count=1, driver="580.1", files=1)
BLIND = gpu.Sight("2.13.0+cpu", None, usable=False)


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    monkeypatch.setenv(device.VARIABLE, "")  # restored after the test, whatever settle writes
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("said", "choice"), [("", "auto"), ("cpu", "cpu"), (" CUDA ", "cuda"), ("auto", "auto")]
)
def test_the_user_s_word(monkeypatch, said, choice):
    monkeypatch.setenv(device.VARIABLE, said)
    assert wanted() == choice


def test_a_word_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv(device.VARIABLE, "cuda:1")
    with pytest.raises(DeviceError, match="LODESTONE_DEVICE is 'cuda:1'; allowed: auto, cpu, cuda"):
        wanted()


def test_what_the_job_asks_for_holds_for_the_process_and_its_children(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert settle("gpus=1") == "device: a GPU, as the job asks for gpus=1; CUDA_VISIBLE_DEVICES=1"
    assert wanted() == "cuda"


def test_a_job_that_asks_for_nothing_settles_nothing():
    assert settle(None) == "device: no GPU is asked for; CUDA_VISIBLE_DEVICES is not set"
    assert wanted() == "auto"


def test_the_user_s_word_wins_over_the_job_s(monkeypatch):
    monkeypatch.setenv(device.VARIABLE, "cpu")
    assert "cpu, as LODESTONE_DEVICE says, though the job asks for gpus=1" in settle("gpus=1")
    assert wanted() == "cpu"
    monkeypatch.setattr(gpu, "look", lambda: SIGHT)
    assert for_torch() == "cpu"


def test_a_gpu_that_is_asked_for_is_the_first_visible_one(monkeypatch):
    monkeypatch.setattr(gpu, "look", lambda: SIGHT)
    settle("gpus=2")
    assert for_torch() == "cuda"


def test_a_gpu_that_is_asked_for_and_not_there_is_an_error_with_the_remedy_and_the_way_out(monkeypatch):
    monkeypatch.setattr(gpu, "look", lambda: BLIND)
    settle("gpus=1")
    with pytest.raises(DeviceError) as caught:
        for_torch()
    told = str(caught.value)
    assert "torch 2.13.0+cpu is built without CUDA" in told
    assert "make setup DEVICE=cuda" in told
    assert "export LODESTONE_DEVICE=cpu" in told
    assert "gpus: 0" in told
    assert "\n" not in told  # the executor shows the last line of a log


def test_without_a_word_torch_decides(monkeypatch):
    import torch

    for there, found in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert for_torch() == found
