"""The test cluster itself: what the other tests take for granted of it."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import cluster_setup
import pytest
from cluster import Cluster
from cluster_daemons import ClusterError, until
from cluster_setup import ports_of

pytestmark = pytest.mark.usefixtures("slurm")  # which also says why there is none


@pytest.fixture
def own(tmp_path_factory):
    """A cluster beside the shared one: what is done to its node and controller hits nobody else's jobs."""
    cluster = Cluster(tmp_path_factory.mktemp("own"))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def submit(own, tmp_path):
    """Submit shell lines to the own cluster; what the job writes goes to `<tmp_path>/<job id>.out`."""

    def call(lines, *options, cluster=own):
        written = ("--open-mode=append", f"--output={tmp_path}/%j.out")
        done = cluster.run("sbatch", "--parsable", "--mem=50", *written, *options, "--wrap", lines)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return call


def until_state(cluster, job, wanted, timeout=60):
    until(lambda: cluster.queue().get(job) == wanted, timeout, f"job {job} {wanted}")


def until_written(path, text, timeout=30):
    until(lambda: path.exists() and text in path.read_text(), timeout, f"{text} in {path.name}")


def lines_of(folder):
    return sorted(line for path in folder.glob("*.out") for line in path.read_text().splitlines())


def processes_of(cluster):
    """All that was started by the cluster or speaks to it: told by its environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = path.read_bytes().split(b"\0")
        except OSError:  # it has ended, or is another user's
            continue
        if f"SLURM_CONF={cluster.conf}".encode() in variables:
            found.append(int(path.parent.name))
    return found


def kill(daemon):
    os.kill(daemon.pid, signal.SIGKILL)
    until(lambda: daemon.pid is None, 5, f"death of {daemon.name}")


# --- jobs --------------------------------------------------------------------------------------------------


def test_each_job_has_one_gpu_and_two_jobs_have_different_ones(own, submit, tmp_path):
    lines = "echo $CUDA_VISIBLE_DEVICES; srun sh -c 'echo $CUDA_VISIBLE_DEVICES'; sleep 3"
    jobs = [submit(lines, "--gpus-per-node=1") for _ in range(2)]
    third = submit("true", "--gpus-per-node=1")
    until(lambda: [own.queue()[job] for job in jobs] == ["RUNNING"] * 2, 30, "both run")
    assert own.queue()[third] == "PENDING"
    for job in (*jobs, third):
        until_state(own, job, "COMPLETED")
    seen = [(tmp_path / f"{job}.out").read_text().split() for job in jobs]
    assert sorted(seen) == [["0", "0"], ["1", "1"]]


def test_tasks_of_two_arrays_know_their_numbers(own, submit, tmp_path):
    arrays = [submit("echo ${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID", "--array=0-2") for _ in range(2)]
    tasks = [f"{array}_{i}" for array in arrays for i in range(3)]
    until(lambda: [own.queue().get(task) for task in tasks] == ["COMPLETED"] * 6, 60, "both arrays")
    assert lines_of(tmp_path) == sorted(tasks)


def test_a_requeued_job_runs_again(own, submit, tmp_path):
    job = submit('echo "restart ${SLURM_RESTART_COUNT:-no}"; test -n "$SLURM_RESTART_COUNT" || sleep 300')
    until_written(tmp_path / f"{job}.out", "restart no")
    assert own.run("scontrol", "requeue", job).returncode == 0
    until_state(own, job, "COMPLETED", timeout=120)
    assert [line for line in lines_of(tmp_path) if line.startswith("restart")] == ["restart 1", "restart no"]


def test_a_job_runs_again_after_its_node_has_failed(own, submit, tmp_path):
    job = submit('test -n "$SLURM_RESTART_COUNT" && echo again || sleep 300')
    until_state(own, job, "RUNNING")
    own.node_down()
    until_state(own, job, "PENDING")
    own.node_up()
    until_state(own, job, "COMPLETED", timeout=180)
    assert "again" in lines_of(tmp_path)


def test_a_job_ends_while_the_controller_is_away(own, submit, tmp_path):
    job = submit("sleep 3; echo done")
    until_state(own, job, "RUNNING")
    own.stop_controller()
    assert not own.answers()
    assert own.run("squeue").returncode != 0
    until_written(tmp_path / f"{job}.out", "done")
    own.start_controller()
    until_state(own, job, "COMPLETED")


def test_the_high_partition_takes_the_place_of_the_low_one(own, submit):
    low = submit("sleep 300", "--gpus-per-node=2")
    until_state(own, low, "RUNNING")
    high = submit("true", "--gpus-per-node=2", "--partition=high")
    until_state(own, high, "COMPLETED", timeout=120)
    assert own.queue()[low] == "PENDING"  # queued again, not cancelled


def test_an_empty_queue_is_waited_for(own, submit):
    job = submit("sleep 1")
    own.wait_idle(30)
    assert own.queue()[job] == "COMPLETED"


def test_sacct_answers_on_the_cluster_with_accounting(slurm_accounting, submit):
    job = submit("exit 3", "--gpus-per-node=1", cluster=slurm_accounting)
    ask = ("sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={job}", "--format=state,exitcode")
    until(lambda: slurm_accounting.run(*ask).stdout.strip() == "FAILED|3:0", 30, "the job's end in sacct")


# --- start and stop ----------------------------------------------------------------------------------------


def test_a_second_start_does_nothing(slurm):
    before = [daemon.pid for daemon in slurm.daemons]
    assert slurm.start() == "already running"
    assert [daemon.pid for daemon in slurm.daemons] == before


def test_one_stops_without_leftovers_beside_another_that_goes_on(slurm, own, submit, tmp_path):
    before = [daemon.pid for daemon in slurm.daemons]
    job = submit("trap '' TERM; echo ready; while true; do sleep 1; done")
    until_written(tmp_path / f"{job}.out", "ready")
    daemons = [daemon.pid for daemon in own.daemons]
    assert set(daemons) < set(processes_of(own))
    assert own.stop() == "stopped"
    assert processes_of(own) == []
    assert own.stop() == "not running"
    assert [daemon.pid for daemon in slurm.daemons] == before
    assert slurm.answers()


def test_what_has_died_is_started_again_and_keeps_its_jobs(own, submit):
    job = submit("sleep 300")
    until_state(own, job, "RUNNING")
    kill(own.controller)
    kill(own.slurmd)
    assert own.start() == "repaired: slurmctld, slurmd"
    until_state(own, job, "RUNNING")
    kill(own.munged)
    assert own.start() == "repaired: munged"
    until_state(own, job, "RUNNING")


def test_a_job_is_ended_even_if_the_controller_has_died(own, submit):
    until_state(own, submit("sleep 300"), "RUNNING")
    kill(own.controller)
    own.stop()
    assert processes_of(own) == []


def test_a_pid_file_that_names_another_program_is_stale(own):
    own.stop()
    with subprocess.Popen(["sleep", "60"]) as other:
        own.controller.pid_file.write_text(f"{other.pid}\n")
        assert own.stop() == "not running"
        assert own.start() == "started"
        assert own.controller.pid != other.pid
        assert other.poll() is None
        other.kill()


def test_ports_stay_unless_one_is_taken_meanwhile(own):
    before = ports_of(own.conf)
    own.stop()
    own.start()
    assert ports_of(own.conf) == before
    own.stop()
    with socket.create_server(("", before[0])):
        own.start()
    assert not set(ports_of(own.conf)) & set(before)


def test_the_last_user_stops_it_unless_it_was_told_to_stay(own):
    with own.in_use():
        with own.in_use():
            pass
        assert own.answers()
    assert own.controller.pid is None
    own.start()
    own.kept.touch()
    with own.in_use():
        pass
    assert own.answers()


def test_a_folder_too_long_for_sockets_is_refused(tmp_path):
    with pytest.raises(ClusterError, match="at most 60 characters"):
        Cluster(tmp_path / ("long" * 20)).start()


def test_what_is_not_installed_is_named_and_installed_by_root_only(monkeypatch):
    monkeypatch.setattr(
        cluster_setup, "program", lambda name: None if name == "munged" else f"/usr/bin/{name}"
    )
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cluster_setup.install() == "not installed: munge (packages of Debian and Ubuntu)"


# --- commands ----------------------------------------------------------------------------------------------


def test_nothing_of_another_cluster_s_job_reaches_a_command(own, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SBATCH_PARTITION", "nowhere")
    assert {name for name in own.env if name.startswith(("SLURM_", "SBATCH_"))} == {"SLURM_CONF"}
    assert own.run("sbatch", "--mem=50", "--wrap", "true").returncode == 0


def test_calls_are_counted_and_answered(own, tmp_path):
    calls = own.counted(tmp_path)
    began = time.time()
    for command in ("squeue --noheader '--format=%i\n'", "sbatch --nonsense", "squeue --version"):
        done = subprocess.run(
            ["sh", "-c", command], env=calls.env, capture_output=True, text=True, check=False
        )
    assert done.stdout.startswith("slurm")
    assert [call.arguments for call in calls.of("squeue")] == ["--noheader --format=%i", "--version"]
    assert (calls.count(), calls.count("sbatch"), calls.count("sacct")) == (3, 1, 0)
    assert began <= calls.of("sbatch")[0].time <= time.time()
