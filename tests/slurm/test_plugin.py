"""The executor on a real SLURM: arrays, what it says of failures, what it takes up after a kill."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit.history import jobs

WORKFLOW = Path(__file__).parent / "workflow" / "Snakefile"


class Run:
    """A folder in which Snakemake is started on the test cluster; calls of SLURM's commands are counted."""

    def __init__(self, folder: Path, slurm):
        self.folder, self.slurm = folder, slurm
        self.calls = slurm.counted(folder)

    def command(self, *arguments, **config):
        return [
            sys.executable, "-m", "snakemake", "--snakefile", str(WORKFLOW), "--executor", "submitit",
            "--seconds-between-status-checks", "1", "--submitit-missing-grace", "10",
            "--workflow-profile", "none", "--latency-wait", "5", "--nolock", "--rerun-incomplete", *arguments,
            "--config", *(f"{k}={v}" for k, v in config.items()),
        ]  # fmt: skip

    @property
    def env(self):
        return {**self.calls.env, "OMP_NUM_THREADS": "1"}

    def start(self, *arguments, **config):
        with (self.folder / "snakemake.log").open("a") as log:
            return subprocess.Popen(
                self.command(*arguments, **config), cwd=self.folder, env=self.env,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def finish(self, *arguments, timeout=180, **config):
        process = self.start(*arguments, **config)
        try:
            return process.wait(timeout), self.text
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail(f"no end after {timeout} s:\n{self.text[-3000:]}")

    @property
    def text(self):
        return (self.folder / "snakemake.log").read_text()

    @property
    def records(self):
        return jobs(self.folder / ".snakemake/submitit")

    @property
    def starts(self):
        """Name of the counter, and the count that it began with, for each start."""
        path = self.folder / "starts.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return [tuple(map(int, line.split()[:2])) for line in lines]

    def until(self, reached, timeout=90):
        limit = time.monotonic() + timeout
        while not reached():
            assert time.monotonic() < limit, self.text[-3000:]
            time.sleep(0.1)

    def outputs(self):
        return sorted(int(path.stem) for path in (self.folder / "out").glob("*.txt"))

    def ran_alone(self):
        return not (self.folder / "twice.txt").exists()

    def in_queue(self):
        listed = self.slurm.run("squeue", "--noheader", "--array", "--format=%i %T %j").stdout
        runs = {record.run for record in self.records}
        return [line for line in listed.splitlines() if any(f".{run}." in line for run in runs)]


@pytest.fixture
def run(tmp_path, slurm):
    return Run(tmp_path, slurm)


def test_forty_ready_jobs_are_one_sbatch(run):
    code, text = run.finish("--jobs", "100", number=40, steps=1)
    assert code == 0, text
    assert run.outputs() == list(range(40))
    assert run.calls.count("sbatch") == 1
    assert "40 jobs as one array" in text
    assert run.calls.count("sacct") == 0  # nothing was forgotten


def test_fewer_slots_than_ready_jobs_do_not_hang(run):
    code, text = run.finish("--jobs", "3", number=8, steps=1)
    assert code == 0, text
    assert run.outputs() == list(range(8))


def test_other_memory_is_another_array(run):
    code, text = run.finish("--jobs", "100", number=6, steps=1, spread=50)
    assert code == 0, text
    assert run.calls.count("sbatch") == 2
    memory = {record.parameters["slurm_mem"]: record.job_id.split("_")[0] for record in run.records}
    assert set(memory) == {"100MB", "150MB"}
    assert len(set(memory.values())) == 2


def test_jobs_on_the_submitting_machine(run):
    code, text = run.finish("--jobs", "100", "--submitit-here", "count", number=3, steps=1)
    assert code == 0, text
    assert run.calls.count("sbatch") == 0
    assert {record.cluster for record in run.records} == {"local"}


def test_a_partition_that_does_not_exist_is_reported_in_sbatch_s_words(run):
    arguments = ("--jobs", "100", "--default-resources", "slurm_partition=nowhere")
    code, text = run.finish(*arguments, number=2)
    assert code == 1
    assert "invalid partition" in text.lower()
    assert "nowhere" in text


def test_a_failing_job_is_reported_once_with_log_and_cause_and_others_go_on(run):
    code, text = run.finish("--jobs", "100", "--keep-going", number=4, steps=1, fails=2)
    assert code == 1
    assert run.outputs() == [0, 1, 3]
    assert len(re.findall(r"Error in rule count", text)) == 1
    assert "ValueError: this one was told to fail" in text
    assert "logs/2.log" in text
    failed = [record for record in run.records if record.state == "failed"]
    assert len(failed) == 1
    assert str(failed[0].log) in text
    code, text = run.finish("--jobs", "100", number=4, steps=1, fails=-1)
    assert code == 0, text
    assert sorted(start[0] for start in run.starts) == [0, 1, 2, 2, 3]


def test_a_job_that_someone_cancels_is_reported_with_its_log(run):
    process = run.start("--jobs", "100", "--keep-going", number=2, steps=60)
    run.until(lambda: len(run.starts) == 2)
    (record, other) = run.records
    run.slurm.run("scancel", record.job_id)
    run.until(lambda: "CANCELLED" in run.text)
    assert str(record.log) in run.text
    run.slurm.run("scancel", other.job_id)
    assert process.wait(60) == 1


def test_interrupted_from_the_keyboard_it_cancels_its_own_jobs_and_no_others(run):
    foreign = run.slurm.run(
        "sbatch", "--parsable", "--mem=50", "--output=/dev/null", "--wrap", "sleep 300"
    ).stdout.strip()
    process = run.start("--jobs", "100", number=12, steps=200)
    run.until(lambda: len(run.starts) >= 3)
    os.kill(process.pid, signal.SIGINT)
    process.wait(60)
    run.until(lambda: run.in_queue() == [])
    state = run.slurm.run("squeue", "--noheader", "-j", foreign, "--format=%T").stdout.strip()
    run.slurm.run("scancel", foreign)
    assert state in {"RUNNING", "PENDING"}
    assert {record.state for record in run.records} == {"cancelled"}


def test_killed_and_started_again_it_adopts_live_jobs_and_credits_finished_ones(run):
    process = run.start("--jobs", "100", number=10, steps=40)
    run.until(lambda: len(run.starts) >= 4)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert len(run.in_queue()) == 10
    run.until(lambda: len(run.outputs()) >= 2)  # finished while nobody watches
    code, text = run.finish("--jobs", "100", number=10, steps=40)
    assert code == 0, text
    assert run.outputs() == list(range(10))
    assert sorted(run.starts) == [(i, 0) for i in range(10)]  # each once, from the beginning
    assert run.calls.count("sbatch") == 1
    assert "count: goes on as job" in text
    assert run.ran_alone()


def test_killed_and_started_again_with_other_settings_it_replaces_live_jobs(run):
    process = run.start("--jobs", "100", number=3, steps=300)
    run.until(lambda: len(run.starts) == 3)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    code, text = run.finish("--jobs", "100", number=3, steps=2)
    assert code == 0, text
    assert "of an earlier run, which is in the way" in text
    assert run.calls.count("scancel") >= 1
    assert run.ran_alone()


def test_killed_between_sbatch_and_its_answer_nothing_runs_twice(run):
    """sbatch works, but its caller is killed before it reads the id."""
    slow = run.calls.folder / "sbatch"
    slow.write_text(slow.read_text().replace("exec ", "") + "sleep 30\n")
    process = run.start("--jobs", "100", number=3, steps=20)
    run.until(lambda: len(run.in_queue()) == 3)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    slow.write_text(slow.read_text().removesuffix("sleep 30\n"))
    code, text = run.finish("--jobs", "100", number=3, steps=20)
    assert code == 0, text
    assert run.outputs() == [0, 1, 2]
    assert run.ran_alone()


def test_asked_to_stop_it_is_requeued_and_goes_on(run):
    process = run.start("--jobs", "100", number=2, steps=60)
    run.until(lambda: len(run.starts) == 2)
    time.sleep(2.0)
    run.slurm.run("scancel", "--signal=USR2", run.records[0].job_id)
    assert process.wait(150) == 0, run.text
    (again,) = [start for start in run.starts if start[1] > 0]
    assert [record.requeues for record in run.records] == [1, 0]
    assert again[1] < 60
    assert run.ran_alone()


def test_accounting_tells_the_end_of_a_job_that_the_queue_may_forget(slurm_accounting, monkeypatch):
    from snakemake_executor_plugin_submitit.clusters import Slurm

    monkeypatch.setenv("SLURM_CONF", slurm_accounting.env["SLURM_CONF"])
    wrap = ("--parsable", "--mem=50", "--output=/dev/null", "--job-name=one.run.1")
    failed = slurm_accounting.run("sbatch", *wrap, "--wrap", "exit 3").stdout.strip()
    array = slurm_accounting.run("sbatch", *wrap, "--array=0-1", "--wrap", "sleep 60").stdout.strip()
    cluster, limit = Slurm(1000, 3), time.monotonic() + 60
    ids = [failed, f"{array}_0", f"{array}_1"]
    wanted = {failed: "FAILED", f"{array}_0": "RUNNING", f"{array}_1": "RUNNING"}
    found = {}
    while found != wanted:
        assert time.monotonic() < limit, found
        time.sleep(0.5)
        told = cluster.accounting(ids)
        found = {id_: row.state for id_, row in told.items()}
    assert {row.name for row in told.values()} == {"one.run.1"}
    assert cluster.cancel([array])


def test_without_accounting_it_is_asked_once_and_never_again(run, monkeypatch):
    from snakemake_executor_plugin_submitit.clusters import Slurm

    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, run.calls.env[name])
    cluster = Slurm(1000, 3)
    assert [cluster.accounting(["1"]) for _ in range(3)] == [{}, {}, {}]
    assert run.calls.count("sacct") == 1
