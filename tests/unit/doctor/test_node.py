import json
import shutil
import sys
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path

import pytest

import lodestone
from lodestone.config import load_campaign
from lodestone.doctor.installation import needed
from lodestone.doctor.job import judged
from lodestone.doctor.probe import look, main, torch_sees
from lodestone.runtime.gpu import Sight
from lodestone.sampling.mattergen.checkpoint import EMBEDDED

GPU = Sight("2.13.0", "13.0", usable=True, name="NVIDIA X1", count=1, driver="580.1", files=1, visible="0")
NONE = replace(GPU, usable=False, name=None, count=0)
DEMO = Path(__file__).resolve().parents[3] / "config" / "demo.yaml"


def answer(**changes):
    plain = {
        "nonce": "n",
        "host": "node7",
        "prefix": sys.prefix,
        "package": str(Path(lodestone.__file__).resolve().parent),
        "version": metadata.version("lodestone"),
        "cpus": 2,
        "device": None,
        "free": 5e9,
        "files": {"/weights": True},
        "torch": asdict(GPU) | {"seconds": 2.0},
    }
    return plain | changes


def torch(**changes):
    return answer(torch=asdict(replace(NONE, **changes)) | {"seconds": 2.0})


def judge(found, **parameters):
    asked = {"cpus_per_task": 1} | parameters
    return {check.name: check for check in judged(found, asked, {"/weights": "checkpoint"}, "n")}


def test_a_node_like_this_machine_is_good():
    checks = judge(answer(), gpus_per_node=1)
    assert {check.state for check in checks.values()} == {"good"}
    assert "NVIDIA X1; CUDA_VISIBLE_DEVICES=0" in checks["device on the node"].found


@pytest.mark.parametrize(
    ("changes", "found", "remedy"),
    [
        ({"torch": "2.13.0+cpu", "built_for": None}, "built without CUDA", "make setup DEVICE=cuda"),
        ({"driver": "535.1"}, "driver 535.1 is too old", "make setup DEVICE=cuda12"),
        ({"driver": None, "files": 0}, "no NVIDIA driver", "slurm_partition"),
        ({"visible": ""}, "CUDA_VISIBLE_DEVICES='' shows no GPU", "gpus: 1"),
        ({}, "finds no GPU", "nvidia-smi"),
    ],
)
def test_a_gpu_that_is_asked_for_and_not_served_is_missing_with_a_remedy(changes, found, remedy):
    check = judge(torch(**changes), gpus_per_node=1)["device on the node"]
    assert (check.state, check.exit_code) == ("missing", 2)
    assert "1 GPU asked for, CUDA_VISIBLE_DEVICES=" in check.found
    assert found in check.found
    assert remedy in check.remedy
    kind = judge(torch(**changes), slurm_gres="gpu:a100:1")["device on the node"]
    assert "gpu:a100:1 asked for" in kind.found
    assert judge(torch(**changes))["device on the node"].state == "good"  # nobody asks


def test_a_node_that_is_told_to_compute_on_cpus_is_odd():
    check = judge(torch(driver=None) | {"device": "cpu"}, gpus_per_node=1)["device on the node"]
    assert check.state == "odd"
    assert "LODESTONE_DEVICE=cpu there: jobs compute on CPUs" in check.found


@pytest.mark.parametrize(
    ("changes", "name", "state", "says"),
    [
        ({"nonce": "other"}, "results on the node", "missing", "share"),
        ({"prefix": "/elsewhere"}, "installation on the node", "odd", "/elsewhere"),
        ({"version": "0.0.1"}, "installation on the node", "odd", "lodestone 0.0.1"),
        ({"package": "/a/lodestone"}, "installation on the node", "odd", "/a/lodestone"),
        ({"torch": {"error": "ImportError: no torch"}}, "torch on the node", "missing", "no torch"),
        ({"cpus": 0}, "CPUs on the node", "odd", "0 usable, 1 asked for"),
        ({"files": {}}, "checkpoint on the node", "missing", "no file /weights there"),
        ({"free": 1e8}, "disk on the node", "odd", "0.1 GB"),
    ],
)
def test_what_differs_on_the_node_is_told(changes, name, state, says):
    check = judge(answer(**changes))[name]
    assert check.state == state
    assert says in check.found + check.remedy


def test_the_probe_reads_the_question_and_writes_an_answer(tmp_path):
    there = tmp_path / "weights"
    there.touch()
    question = {"nonce": "n", "files": [str(there), str(tmp_path / "none")]}
    (tmp_path / "question.json").write_text(json.dumps(question))
    main(tmp_path / "answer.json", tmp_path / "question.json")
    found = json.loads((tmp_path / "answer.json").read_text())
    assert found["nonce"] == "n"
    assert found["files"] == {str(there): True, str(tmp_path / "none"): False}
    assert found["package"] == str(Path(lodestone.__file__).resolve().parent)
    assert found["torch"]["torch"]
    assert found["free"] > 0


def test_a_broken_torch_is_a_finding_of_the_probe(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "torch" in torch_sees()["error"]
    assert "error" in look({}, tmp_path)["torch"]


def test_the_embedded_files_of_the_demonstration_are_looked_for():
    found = needed(load_campaign(DEMO))
    assert sorted(found) == [
        "embedded grace/weights.npz",
        "embedded mattergen/checkpoints/last.ckpt",
        "embedded mattergen/config.yaml",
        "embedded references.parquet",
    ]
    assert all(path.is_file() for path, _ in found.values())


def test_published_weights_and_models_are_looked_for_in_their_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("GRACE_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    published = load_campaign(
        DEMO,
        {
            "model": {"checkpoint": "chemical_system"},
            "energy": {"estimator": {"kind": "grace", "model": "GRACE-2L-OAM"}},
        },
    )
    found = needed(published)
    path, remedy = found["checkpoint chemical_system, checkpoints/last.ckpt"]
    assert path is None
    assert "hf download microsoft/mattergen" in remedy
    path, remedy = found["potential GRACE-2L-OAM"]
    assert path == tmp_path / "GRACE-2L-OAM" / "saved_model.pb"
    assert "grace_models download GRACE-2L-OAM" in remedy
    cached = tmp_path / "hub" / "last.ckpt"
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: str(cached))
    assert needed(published)["checkpoint chemical_system, config.yaml"][0] == cached


def test_a_table_in_place_of_the_embedded_references_is_looked_for(tmp_path):
    own = {"references": [{"kind": "embedded", "name": "mine", "path": str(tmp_path / "own.parquet")}]}
    assert needed(load_campaign(DEMO, own))["embedded references.parquet"][0] == tmp_path / "own.parquet"


def test_folders_and_other_estimators_name_what_they_read(tmp_path):
    for name in ("model/config.yaml", "model/checkpoints/last.ckpt", "potential/saved_model.pb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    shutil.copy(EMBEDDED / "config.yaml", tmp_path / "model")
    own = load_campaign(
        DEMO,
        {
            "model": {"checkpoint": str(tmp_path / "model")},
            "energy": {"estimator": {"kind": "grace", "model": str(tmp_path / "potential")}},
        },
    )
    assert {path for path, _ in needed(own).values() if path.is_relative_to(tmp_path)} == {
        tmp_path / "model" / "config.yaml",
        tmp_path / "model" / "checkpoints" / "last.ckpt",
        tmp_path / "potential" / "saved_model.pb",
    }
    text = DEMO.read_text().replace("{kind: grace, model: embedded}", "{kind: chgnet}")
    (tmp_path / "chgnet.yaml").write_text(text)
    assert needed(load_campaign(tmp_path / "chgnet.yaml")).keys() == {
        "embedded mattergen/checkpoints/last.ckpt",
        "embedded mattergen/config.yaml",
        "embedded references.parquet",
    }
