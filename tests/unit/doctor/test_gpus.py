"""Whether this installation can use the GPUs that a profile asks for, as a login node can tell."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lodestone.cli import main
from lodestone.config import load_campaign
from lodestone.doctor import gpus as doctor_gpus
from lodestone.operations.profile import Profile
from lodestone.runtime import device, gpu
from lodestone.workflow.jobs import read_rules

DEMO = Path(__file__).resolve().parents[3] / "config" / "demo.yaml"
CPU_WHEEL = gpu.Sight("2.13.0+cpu", None, usable=False)
LOGIN = gpu.Sight("2.13.0", "13.0", usable=False, error="Found no NVIDIA driver")
OLD = gpu.Sight("2.13.0", "13.0", usable=False, driver="535.1", files=1)
CARD = gpu.Sight("2.13.0", "13.0", usable=True, name="NVIDIA X1", count=1, driver="580.1", files=1)


@pytest.fixture
def checks(monkeypatch):
    """Checks by name for the rules that ask for a GPU."""

    def call(*rules, sight=CPU_WHEEL, campaign=None, said="", gpus=1):
        monkeypatch.setenv(device.VARIABLE, said)
        monkeypatch.setattr(gpu, "look", lambda: sight)
        asking = {rule: {"gpus": gpus} for rule in rules}
        profile = Profile(path=Path("cluster/config.yaml"), set_resources=asking)
        return {check.name: check for check in doctor_gpus.gpus(profile, read_rules(), campaign)}

    return call


def test_a_torch_without_cuda_is_missing_on_the_login_node_already(checks):
    (check,) = checks("sample", "pilot").values()
    assert check.name == "GPU for sample, pilot"
    assert (check.state, check.exit_code) == ("missing", 2)
    assert "torch 2.13.0+cpu is built without CUDA" in check.found
    assert "make setup DEVICE=cuda" in check.remedy
    assert "LODESTONE_DEVICE=cpu" in check.remedy
    (kind,) = checks("sample", gpus="a100:1").values()
    assert kind.state == "missing"


def test_a_login_node_without_a_gpu_leaves_the_word_to_the_nodes(checks):
    (check,) = checks("sample", sight=LOGIN).values()
    assert check.state == "good"
    assert "CUDA 13.0; no GPU on this machine, so the node of the test job tells" in check.found


def test_a_driver_of_the_login_node_that_is_too_old_is_odd(checks):
    (check,) = checks("sample", sight=OLD).values()
    assert check.state == "odd"
    assert "driver 535.1 is too old" in check.found
    assert "DEVICE=cuda12" in check.remedy


def test_a_gpu_that_works_is_good_and_nothing_is_said_where_none_is_asked_for(checks):
    (check,) = checks("sample", sight=CARD).values()
    assert (check.state, "NVIDIA X1 here" in check.found) == ("good", True)
    assert checks() == {}
    assert checks("sample", gpus=0) == {}


def test_estimators_are_judged_by_their_own_library(checks, monkeypatch):
    from lodestone.energies import device as energy_device

    monkeypatch.setattr(energy_device, "_installed", lambda name: name == "tensorflow-cpu")
    (check,) = checks("energy", "relax", sight=CARD).values()
    assert check.name == "GPU for energy, relax (grace)"
    assert (check.state, check.exit_code) == ("missing", 2)
    assert "TensorFlow" in check.found
    monkeypatch.setattr(energy_device, "_installed", lambda name: name == "tensorflow")
    (check,) = checks("energy", sight=CPU_WHEEL, campaign=load_campaign(DEMO)).values()
    assert check.state == "good"


def test_rules_that_never_use_a_gpu_are_odd(checks):
    (check,) = checks("measure").values()
    assert check.state == "odd"
    assert "measure ask for a GPU, which they never use" in check.found


def test_the_user_s_word_for_cpus_is_told(checks):
    (check,) = checks("sample", said="cpu").values()
    assert check.state == "odd"
    assert "LODESTONE_DEVICE=cpu here: jobs compute on CPUs" in check.found


def test_the_command_ends_with_exit_code_2(tmp_path, monkeypatch):
    from lodestone.doctor import installation

    profile = tmp_path / "config.yaml"
    profile.write_text("executor: submitit\njobs: 1\nset-resources: {sample: {gpus: 1}}\n")
    monkeypatch.setattr(installation, "examine", lambda: iter([installation.Check("python", "good", "3.11")]))
    monkeypatch.setattr(gpu, "look", lambda: CPU_WHEEL)
    monkeypatch.setenv(device.VARIABLE, "")
    monkeypatch.setenv("PATH", str(tmp_path))  # no SLURM: nothing is sent
    done = CliRunner().invoke(main, ["doctor", "--profile", str(profile)])
    assert done.exit_code == 2, done.output
    assert "MISSING  GPU for sample: the profile asks for one, but torch 2.13.0+cpu is built" in done.stdout
    rows = json.loads(CliRunner().invoke(main, ["doctor", "--json", "--profile", str(profile)]).stdout)
    assert {row["name"]: row["exit_code"] for row in rows if row["state"] == "missing"} == {
        "GPU for sample": 2,
        "SLURM": 1,
    }
