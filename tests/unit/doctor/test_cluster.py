from pathlib import Path

import pytest

from lodestone.config import load_campaign
from lodestone.doctor import cluster as doctor_cluster
from lodestone.doctor import job as doctor_job
from lodestone.operations.profile import Profile
from lodestone.workflow.jobs import read_rules

DEMO = Path(__file__).resolve().parents[3] / "config" / "demo.yaml"


def profile(**changes):
    return Profile(**{"path": Path("cluster/config.yaml"), "jobs": 10} | changes)


def states(checks):
    return {check.name: check.state for check in checks}


def test_the_longest_time_of_each_partition_counts():
    rules = read_rules()
    asked = profile(
        default_resources={"slurm_partition": "cpu"},
        set_resources={"sample": {"slurm_partition": "gpu", "runtime": 300}},
        here=("relax", "pilot"),
    )
    assert doctor_cluster.minutes(asked, rules, None) == {"gpu": 300, "cpu": 240}
    whole = doctor_cluster.minutes(asked, rules, load_campaign(DEMO))
    assert whole == {"gpu": 300, "cpu": 240}
    both = profile(default_resources={"slurm_partition": "a,b"}, here=tuple(r for r in rules if r != "hull"))
    assert doctor_cluster.minutes(both, rules, None) == {"a": 60, "b": 60}


def test_without_slurm_nothing_more_is_asked(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    checks = list(doctor_cluster.examine(profile(), read_rules(), results=tmp_path / "results"))
    assert states(checks) == {"profile": "good", "SLURM": "missing"}
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_a_local_cluster_is_asked_through_a_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    local = profile(cluster="local", folder=tmp_path / "jobs")
    found = list(doctor_cluster.examine(local, read_rules(), load_campaign(DEMO), wait=60.0))
    checks = {check.name: check for check in found}
    assert checks["test job"].state == "good", checks["test job"]
    assert {check.state for check in found} == {"good"}, found
    assert "SLURM" not in checks
    assert "embedded grace/weights.npz on the node" in checks
    assert not (tmp_path / "results").exists()
    assert list((tmp_path / "jobs").iterdir()) == []


def test_files_that_are_not_here_are_told_before_a_job_is_sent(tmp_path, monkeypatch):
    files = {"a": (tmp_path / "none", "put it there"), "b": (None, "fetch it")}
    monkeypatch.setattr(doctor_cluster, "needed", lambda _: files)
    monkeypatch.setattr(
        doctor_cluster, "send", lambda *_: doctor_job.Sent(doctor_cluster.Check("test job", "good", "x"))
    )
    checks = list(doctor_cluster.probe(profile(), {}, load_campaign(DEMO), tmp_path, 1.0))
    assert [(c.name, c.state, c.remedy) for c in checks[:2]] == [
        ("a", "missing", "put it there"),
        ("b", "missing", "fetch it"),
    ]
