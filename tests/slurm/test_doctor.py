"""`lodestone doctor --profile` on a real SLURM: its own words, a job on its node, and nothing left behind."""

import json
import subprocess
import sys

import pytest
from cluster import Cluster
from cluster_daemons import until

PROFILE = """\
executor: submitit
jobs: 10
default-resources: {{slurm_partition: {partition}, mem_mb: 500, runtime: 60}}
set-resources: {{sample: {{runtime: {minutes}, gpus: {gpus}}}}}
"""


@pytest.fixture(scope="module")
def own(slurm, tmp_path_factory):
    """A cluster beside the shared one: no other jobs are in the way, and its controller may be stopped."""
    assert slurm.answers()
    cluster = Cluster(tmp_path_factory.mktemp("own"))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def doctor(own, root, tmp_path):
    """Call the doctor with a profile; exit code, checks by name, and the whole process."""

    def call(*arguments, partition="low", gpus=0, minutes=90, text=""):
        (tmp_path / "config.yaml").write_text(
            PROFILE.format(partition=partition, gpus=gpus, minutes=minutes) + text
        )
        command = [
            sys.executable,
            "-m",
            "lodestone",
            "doctor",
            "--profile",
            "config.yaml",
            "--json",
            *arguments,
        ]
        done = subprocess.run(
            [*command, "--config", root / "config" / "demo.yaml"],
            cwd=tmp_path,
            env=own.env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "Traceback" not in done.stderr
        checks = {check["name"]: check for check in json.loads(done.stdout)}
        return done.returncode, checks, done

    return call


def lodestone_jobs(cluster):
    listed = cluster.run("squeue", "--noheader", "--format=%i", "--name=lodestone-doctor").stdout
    return listed.split()


def nothing_left(cluster, folder):
    # a job that answered is over a moment later
    until(lambda: not lodestone_jobs(cluster), 30, "no job of the doctor")
    return [p for p in folder.rglob("*doctor*") if p.is_dir()] == [] and not (folder / "results").exists()


def test_a_cluster_that_can_do_it_is_good(doctor, own, tmp_path):
    code, checks, done = doctor()
    assert code == 0, done.stdout
    assert checks["controller"]["state"] == "good"
    assert "720 min are asked for" in checks["partition low"]["found"]
    assert checks["accounting"]["state"] == "good"
    assert "MaxArraySize" in checks["arrays"]["found"]
    assert checks["test job"]["state"] == "good"
    assert sys.prefix in checks["installation on the node"]["found"]
    on_node = {name: check["state"] for name, check in checks.items() if name.endswith("on the node")}
    assert set(on_node.values()) == {"good"}
    assert {"results on the node", "embedded grace/weights.npz on the node"} <= on_node.keys()
    assert nothing_left(own, tmp_path)


def test_a_wrong_partition_is_named_with_those_there_are(doctor, own, tmp_path):
    code, checks, _ = doctor(partition="hihg")
    assert code == 1
    assert checks["partition hihg"]["state"] == "missing"
    assert "there are: low, high" in checks["partition hihg"]["remedy"]
    assert checks["test job"]["state"] == "missing"
    assert "nvalid partition" in checks["test job"]["found"]
    assert nothing_left(own, tmp_path)


def test_what_the_cluster_does_not_allow_is_told_before_a_campaign_is_sent(doctor):
    code, checks, _ = doctor(text="submitit-array-limit: 100000\n", minutes=2000)
    assert code == 1
    assert checks["arrays"]["state"] == "missing"
    assert checks["arrays"]["remedy"].startswith("submitit-array-limit: ")
    assert checks["partition low"]["state"] == "missing"
    assert checks["partition low"]["remedy"] == "runtime: 1440 or less in config.yaml"


def test_a_gpu_that_torch_cannot_use_is_missing_before_and_on_the_node(doctor, own, tmp_path):
    import torch

    code, checks, done = doctor(gpus=1)
    device = checks["device on the node"]
    assert "CUDA_VISIBLE_DEVICES=" in device["found"]
    if not torch.cuda.is_available():  # the GPUs of the test cluster are pretended
        assert code == 2, done.stdout
        assert device["state"] == "missing"
        assert "1 GPU asked for" in device["found"]
        here = checks["GPU for sample"]["state"]
        assert here == ("missing" if torch.version.cuda is None else "good")
        assert device["remedy"]
    assert nothing_left(own, tmp_path)


def test_what_no_node_has_is_refused_and_told(doctor, own):
    import torch

    code, checks, _ = doctor(gpus=99)
    assert code == (2 if torch.version.cuda is None else 1)  # 2 where a GPU could not be used in any case
    assert checks["test job"]["state"] == "missing"
    assert "sbatch: error: Batch job submission failed" in checks["test job"]["found"]
    assert lodestone_jobs(own) == []


def test_a_controller_that_is_down_is_the_last_finding(doctor, own, tmp_path):
    own.stop_controller()
    try:
        code, checks, _ = doctor()
    finally:
        own.start_controller()
    assert code == 1
    assert checks["SLURM"]["state"] == "good"
    assert checks["controller"]["state"] == "missing"
    assert "test job" not in checks
    assert not (tmp_path / "results").exists()


def test_a_job_that_waits_for_a_full_node_is_cancelled_with_the_reason(doctor, own):
    filling = own.run(
        "sbatch", "--parsable", "--mem=50", "--cpus-per-task=8", "--output=/dev/null", "--wrap", "sleep 300"
    )
    assert filling.returncode == 0, filling.stderr
    until(lambda: own.queue().get(filling.stdout.strip()) == "RUNNING", 30, "the node full")
    code, checks, _ = doctor("--wait", "4")
    assert code == 1
    found = checks["test job"]["found"]
    assert "did not start within 4 s and was cancelled: " in found
    assert found.endswith(("Resources", "Priority"))
    until(lambda: not lodestone_jobs(own), 30, "the doctor's job gone")
