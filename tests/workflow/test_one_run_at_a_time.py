"""A campaign is run by one process at a time, and a killed one leaves nothing to unlock."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HOLD = """
import sys, time
from pathlib import Path
from lodestone.workflow.wiring import hold
hold(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def held(tmp_path):
    """A process that holds the folder of the campaign."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "results" / "house")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.fixture
def campaign(tmp_path, campaign_text):
    (tmp_path / "house.yaml").write_text(campaign_text)
    return tmp_path


def test_a_second_run_is_refused_and_says_who_holds_it(held, campaign, snakemake):
    process = snakemake(campaign, "references", "--configfile", "house.yaml")
    assert process.returncode != 0
    assert f"process {held.pid}" in process.stderr
    assert "Traceback" not in process.stderr
    assert not (campaign / "results/house/references.parquet").exists()


def test_a_dry_run_is_never_in_the_way(held, campaign, snakemake):
    assert held.poll() is None
    assert snakemake(campaign, "references", "--configfile", "house.yaml", "-n").returncode == 0


def test_after_kill_9_the_same_command_goes_on(held, campaign, snakemake):
    os.kill(held.pid, signal.SIGKILL)
    held.wait()
    process = snakemake(campaign, "references", "--configfile", "house.yaml")
    assert process.returncode == 0, process.stderr
    assert (campaign / "results/house/references.parquet").exists()


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""
CHILD = """
import time
from lodestone.runtime.signals import end_with_parent
end_with_parent()
print("ready", flush=True)
time.sleep(600)
"""


def test_a_job_ends_with_the_killed_process_that_started_it():
    command = [sys.executable, "-c", PARENT, CHILD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
    assert gone(child)


def gone(pid, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return True
        time.sleep(0.05)
    return False
