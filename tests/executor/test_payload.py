"""The payload in real processes, as submitit's local cluster runs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from snakemake_executor_plugin_submitit.clusters import Local
from snakemake_executor_plugin_submitit.payload import Payload
from snakemake_executor_plugin_submitit.records import JobFiles, last_line, read

COUNTER = Path(__file__).parents[1] / "slurm/workflow/counter.py"
PARAMETERS = {"timeout_min": 5, "stderr_to_stdout": True}


@pytest.fixture
def submit(tmp_path):
    cluster, begun = Local(), []

    def go(command, grace=20.0, name="job", **parameters):
        folder = tmp_path / name
        (id_,) = cluster.submit(
            [Payload(command, str(tmp_path), grace)], PARAMETERS | parameters, name, folder
        )
        begun.append(id_)
        return JobFiles(folder, id_), cluster

    yield go
    cluster.cancel(begun)


def until(reached, timeout=40):
    limit = time.monotonic() + timeout
    while not reached():
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_success_is_written_down_with_where_and_when(submit):
    files, _ = submit("echo said; true")
    until(files.outcome.exists)
    assert read(files.outcome)["state"] == "succeeded"
    (start,) = read(files.started)["starts"]
    assert start["host"]
    assert start["python"] == sys.executable
    assert "said" in files.log.read_text()


@pytest.mark.parametrize("visible", [None, "", "2,3", "MIG-1"])
@pytest.mark.parametrize("gpus", [0, 1])
def test_a_process_of_this_machine_sees_the_gpus_that_are_visible_here(submit, monkeypatch, visible, gpus):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    files, _ = submit("echo shown=${CUDA_VISIBLE_DEVICES-all}.", gpus_per_node=gpus)
    until(files.outcome.exists)
    assert f"shown={'all' if visible is None else visible}." in files.log.read_text()
    (start,) = read(files.started)["starts"]
    assert start["cuda_visible_devices"] == visible


def test_failure_is_written_down_with_its_exit_code(submit):
    files, _ = submit("echo broken >&2; exit 7")
    until(files.outcome.exists)
    assert read(files.outcome) | {"time": 0} == {"state": "failed", "exit_code": 7, "time": 0}
    assert "broken" in files.log.read_text()


def test_the_cluster_lists_it_while_it_lives_and_can_end_it(submit):
    files, cluster = submit("sleep 300", name="rule.run.1")
    assert cluster.queue()[files.job_id].name == "rule.run.1"
    until(files.started.exists)
    below = psutil.Process(int(files.job_id)).children(recursive=True)
    assert cluster.cancel([files.job_id])
    until(lambda: files.job_id not in cluster.queue())
    until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in below))
    assert read(files.outcome) is None


def test_asked_to_stop_it_comes_back_and_goes_on(submit, tmp_path):
    files, _ = submit(f"{sys.executable} {COUNTER} 0 30 False {tmp_path}/out.txt")
    until((tmp_path / "state/0").exists)
    (task,) = psutil.Process(int(files.job_id)).children()
    os.kill(task.pid, signal.SIGUSR2)
    until(files.outcome.exists)
    assert read(files.outcome)["state"] == "succeeded"
    starts = [int(line.split()[1]) for line in (tmp_path / "starts.txt").read_text().splitlines()]
    assert len(starts) == 2
    assert 0 < starts[1] < 30
    assert [start["requeues"] for start in read(files.started)["starts"]] == [0, 1]


def test_what_does_not_stop_in_time_is_killed_and_comes_back(submit, tmp_path):
    files, _ = submit("test -e again || { touch again; sleep 300; }", grace=1.0)
    until((tmp_path / "again").exists)
    (task,) = psutil.Process(int(files.job_id)).children()
    os.kill(task.pid, signal.SIGUSR2)
    until(files.outcome.exists)
    assert read(files.outcome)["state"] == "succeeded"
    assert len(read(files.started)["starts"]) == 2


def test_work_that_ends_while_it_is_asked_to_stop_is_done(submit, tmp_path):
    files, _ = submit("touch begun; sleep 2")
    until((tmp_path / "begun").exists)
    (task,) = psutil.Process(int(files.job_id)).children()
    os.kill(task.pid, signal.SIGUSR2)
    until(files.outcome.exists)
    assert read(files.outcome)["state"] == "succeeded"
    assert len(read(files.started)["starts"]) == 1


def test_a_failure_after_sigterm_is_held_back(submit, tmp_path):
    """SLURM says SIGTERM before it kills and requeues: what fails of it has not failed."""
    files, cluster = submit("touch begun; sleep 2; exit 1")
    until((tmp_path / "begun").exists)
    (task,) = psutil.Process(int(files.job_id)).children()
    os.kill(task.pid, signal.SIGTERM)
    until(lambda: not [p for p in task.children() if p.status() != psutil.STATUS_ZOMBIE])
    time.sleep(4.0)
    assert read(files.outcome) is None
    assert files.job_id in cluster.queue()


def test_the_command_ignores_what_slurm_sends_to_all(submit):
    files, _ = submit("kill -USR1 $$; kill -USR2 $$; kill -TERM $$; echo $$ alive")
    until(files.outcome.exists)
    assert read(files.outcome)["state"] == "succeeded"
    assert " alive" in files.log.read_text()
    assert last_line(files.log)


def test_killed_it_takes_its_command_with_it(submit, tmp_path):
    files, _ = submit("echo $$ > pid; exec sleep 300")
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    pid = int((tmp_path / "pid").read_text())
    (task,) = psutil.Process(int(files.job_id)).children()
    os.kill(task.pid, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_it_needs_no_lodestone():
    """Nodes import the payload; so may projects that know nothing of crystals."""
    code = (
        "import sys, snakemake_executor_plugin_submitit.payload, snakemake_executor_plugin_submitit.executor;"
        "print('lodestone' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
