"""Snakemake itself with the executor, on processes of this machine."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit.history import jobs

WORKFLOW = Path(__file__).parents[1] / "slurm/workflow/Snakefile"
GROUPED = """
rule all:
    input: expand("c/{i}", i=range(2))
rule a:
    output: "a/{i}"
    resources: mem_mb=100, runtime=2
    shell: "touch {output}"
rule b:
    input: "a/{i}"
    output: "b/{i}"
    resources: mem_mb=200, runtime=3
    shell: "touch {output}"
rule c:
    input: "b/{i}"
    output: "c/{i}"
    shell: "echo {resources.bad} > {output}"
"""
HUNGRY = """
rule sated:
    input: "fed"
    output: "sated"
    resources: mem_mb=100
    shell: "touch {output}"
rule hungry:
    output: "fed"
    resources: mem_mb=AMOUNT
    shell: "test {resources.mem_mb} -ge 900 && echo {resources.mem_mb} > {output}"
"""


class Run:
    def __init__(self, folder):
        self.folder = folder
        self.records = lambda: jobs(folder / ".snakemake/submitit")

    def start(self, *arguments, snakefile=WORKFLOW, **config):
        command = [
            sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--executor", "submitit",
            "--submitit-cluster", "local", "--jobs", "4", "--seconds-between-status-checks", "1",
            "--submitit-missing-grace", "5", "--workflow-profile", "none", "--nolock", "--rerun-incomplete",
            *arguments,
        ]  # fmt: skip
        command += ["--config", *(f"{k}={v}" for k, v in config.items())] if config else []
        with (self.folder / "snakemake.log").open("a") as log:
            return subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)

    @property
    def text(self):
        return (self.folder / "snakemake.log").read_text()

    def starts(self):
        path = self.folder / "starts.txt"
        return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []

    def until(self, reached, timeout=60):
        limit = time.monotonic() + timeout
        while not reached():
            assert time.monotonic() < limit, self.text[-3000:]
            time.sleep(0.1)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def alive(records):
    from snakemake_executor_plugin_submitit.clusters import Local

    return {record.job_id for record in records} & Local().queue().keys()


def test_killed_and_started_again_it_takes_up_its_jobs(run):
    process = run.start(number=3, steps=30)
    run.until(lambda: len(run.starts()) == 3)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert run.start(number=3, steps=30).wait(90) == 0, run.text
    assert sorted(run.starts()) == ["0", "1", "2"]
    assert {record.state for record in run.records()} == {"succeeded"}


def test_interrupted_it_ends_its_jobs(run):
    process = run.start(number=3, steps=500)
    run.until(lambda: len(run.starts()) == 3)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    run.until(lambda: not alive(run.records()), timeout=10)
    assert {record.state for record in run.records()} == {"cancelled"}


def test_a_group_is_one_job_with_the_needs_of_all(run):
    (run.folder / "Snakefile").write_text(GROUPED.replace("{resources.bad}", "fine"))
    groups = ("--groups", "a=chain", "b=chain")
    assert run.start(*groups, snakefile=run.folder / "Snakefile").wait(90) == 0, run.text
    chains = [record for record in run.records() if len(record.rules) > 1]
    assert [record.rules for record in chains] == [("a", "b")] * 2
    for record in chains:
        assert len(record.outputs) == 2
        assert (record.parameters["slurm_mem"], record.parameters["timeout_min"]) == ("200MB", 5)


THREADS = """
rule all:
    input: "a", "b"
rule a:
    output: "a"
    threads: 2
    shell: "echo {threads} > {output}"
rule b:
    output: "b"
    threads: 3
    shell: "echo {threads} > {output}"
"""


def test_the_threads_of_a_job_are_its_cpus_and_the_profile_s_word_wins(run):
    (run.folder / "Snakefile").write_text(THREADS)
    assert run.start("--set-threads", "a=5", snakefile=run.folder / "Snakefile").wait(60) == 0, run.text
    assert [(run.folder / name).read_text() for name in "ab"] == ["5\n", "3\n"]
    asked = {record.rules: record.parameters["cpus_per_task"] for record in run.records()}
    assert asked == {("a",): 5, ("b",): 3}


def test_cpus_beside_threads_fail_the_rule_by_name_with_what_to_write(run):
    (run.folder / "Snakefile").write_text(THREADS)
    asked = ("--keep-going", "--set-resources", "a:cpus_per_task=8")
    assert run.start(*asked, snakefile=run.folder / "Snakefile").wait(60) == 1
    assert "a: cpus_per_task is 8, but the threads of the job are 2" in run.text
    assert "set-threads: {RULE: 8}" in run.text
    assert [record.rules for record in run.records()] == [("b",)]


@pytest.mark.parametrize(
    ("amount", "arguments"),
    [
        ("lambda wildcards, attempt: 300 * attempt", ()),
        ("300", ("--set-resources", "hungry:mem_mb=300 * attempt")),
    ],
)
def test_each_attempt_asks_for_the_memory_that_is_its_own(run, amount, arguments):
    (run.folder / "Snakefile").write_text(HUNGRY.replace("AMOUNT", amount))
    asked = (*arguments, "--retries", "2")
    assert run.start(*asked, snakefile=run.folder / "Snakefile").wait(180) == 0, run.text
    tries = [record for record in run.records() if record.rules == ("hungry",)]
    assert [record.parameters["slurm_mem"] for record in tries] == ["300MB", "600MB", "900MB"]
    assert [record.state for record in tries] == ["failed", "failed", "succeeded"]
    assert (run.folder / "fed").read_text().split() == ["900"]


def test_a_group_that_is_tried_again_gets_more_memory_too(run):
    (run.folder / "Snakefile").write_text(
        HUNGRY.replace("AMOUNT", "lambda wildcards, attempt: 300 * attempt")
    )
    asked = ("--groups", "hungry=meal", "sated=meal", "--retries", "2")
    assert run.start(*asked, snakefile=run.folder / "Snakefile").wait(180) == 0, run.text
    assert [r.parameters["slurm_mem"] for r in run.records()] == ["300MB", "600MB", "900MB"]
    assert {r.rules for r in run.records()} == {("hungry", "sated")}


def test_a_resource_that_makes_no_sense_fails_its_jobs_by_name(run):
    text = GROUPED.replace("mem_mb=100", "mem_mb=100, slurm_extra='--time=5'").replace("{resources.bad}", "x")
    (run.folder / "Snakefile").write_text(text)
    assert run.start("--keep-going", snakefile=run.folder / "Snakefile").wait(60) == 1
    assert "--time is managed here; set instead: runtime" in run.text
    assert run.records() == []


def test_help_explains_every_setting():
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--help"], capture_output=True, text=True, check=True
    )
    for option in (
        "cluster",
        "array-limit",
        "array-parallelism",
        "signal-delay",
        "here",
        "setup",
        "no-adopt",
    ):
        assert f"--submitit-{option}" in done.stdout


def test_without_sbatch_slurm_is_refused_before_any_job(run, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/nowhere")
    process = run.start("--submitit-cluster", "slurm", number=1)
    assert process.wait(60) == 1
    assert "no sbatch on this machine" in run.text
