"""A job ends with its Snakemake, and with the scheduler's job that started that one; with nobody else."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

JOB = "import time; from lodestone.runtime.signals import end_with_parent; end_with_parent(); "
JOB += "print('ready', flush=True); time.sleep(600)"
STARTER = """
import os, subprocess, sys, time
command = ["bash", "-c", 'set -e; "$@"; true', "bash", *sys.argv[1:]]
child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
print(os.getpid(), child.stdout.readline().strip(), flush=True)
print(os.getpid(), child.stdout.read(), flush=True)
"""


@pytest.fixture
def chain(tmp_path):
    """Processes that start each other through shells: the first one, a Snakemake, and a job of it.

    Gives the first and the pids from the outside to the inside.
    """
    started = []

    def start(first):
        package = tmp_path / "submitit" / "core"
        package.mkdir(parents=True)
        for name in ("submitit/__init__.py", "submitit/core/__init__.py"):
            (tmp_path / name).touch()
        (package / "_submit.py").write_text(STARTER)
        (tmp_path / "starter.py").write_text(STARTER)
        command = [sys.executable, *first, sys.executable, "starter.py", sys.executable, "-c", REPORTING]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        started.append(process)
        pids = [int(word) for word in process.stdout.readline().split()]
        assert len(pids) == 3
        started.extend(pids)
        return process, pids

    yield start
    for one in started:
        try:
            one.kill() if isinstance(one, subprocess.Popen) else os.kill(one, 9)
        except ProcessLookupError:
            continue
    started[0].communicate()


REPORTING = JOB.replace("'ready'", "__import__('os').getpid()")


def ended(pid, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("killed", [0, 1], ids=["scheduler's job", "snakemake"])
def test_it_ends_with_its_snakemake_and_with_the_scheduler_s_job(chain, killed):
    _, pids = chain(["-m", "submitit.core._submit"])
    os.kill(pids[killed], 9)
    assert ended(pids[2])


def test_it_outlives_whoever_else_started_its_snakemake(chain):
    _, (shell, snakemake, job) = chain(["starter.py"])
    os.kill(shell, 9)
    assert not ended(job, seconds=1.5)
    os.kill(snakemake, 9)
    assert ended(job)
