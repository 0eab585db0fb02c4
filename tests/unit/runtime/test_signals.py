"""A job that is asked to stop keeps what is finished, by real processes and real signals."""

import os
import signal
import subprocess
import sys

import pytest

JOB = '''\
"""Ten rows, one chunk after the other; each takes a while."""
import time
from pathlib import Path

import polars as pl


def main(*, output: Path, state: Path, pause: float) -> None:
    """Write the table."""
    from lodestone.runtime.checkpoints import in_chunks
    from lodestone.structures.table import write_table

    def work(chunk: pl.DataFrame) -> pl.DataFrame:
        print("works on", chunk["id"][0], flush=True)
        time.sleep(pause)
        return chunk

    rows = pl.DataFrame({"id": [f"s{i}" for i in range(10)]})
    write_table(in_chunks(rows, work, size=2, state=state, key={}, progress=lambda *_: None), output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
'''


@pytest.fixture
def job(tmp_path):
    """Start the job above as a scheduler's payload does: with the signals ignored."""
    (tmp_path / "job.py").write_text(JOB)
    command = f"{sys.executable} job.py --output out.parquet --state state --pause"

    def start(pause):
        return subprocess.Popen(
            ["bash", "-c", f"trap '' USR1 USR2 TERM; exec {command} {pause}"],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return start


def until(process, word):
    for line in process.stdout:
        if word in line:
            return
    raise AssertionError(process.stderr.read())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTERM])
def test_a_job_asked_to_stop_ends_after_its_batch_and_goes_on_later(job, tmp_path, number):
    with job(0.5) as process:
        until(process, "s2")
        process.send_signal(number)
        first = process.stderr.readline()
        process.send_signal(signal.SIGUSR2)
        _, said = process.communicate(timeout=30)
    assert process.returncode == os.EX_TEMPFAIL == 75
    assert first == f"asked to stop ({number.name}): stops as soon as its work can be kept\n"
    assert "asked to stop" not in said
    assert f"stopped as asked ({number.name}), 4 of 10 finished; " in said
    assert "Traceback" not in said
    assert not (tmp_path / "out.parquet").exists()
    with job(0) as process:
        out, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert out.split("\n")[:2] == ["works on s4", "works on s6"]
    assert (tmp_path / "out.parquet").exists()


def test_asked_during_its_last_batch_it_just_ends(job, tmp_path):
    with job(0.3) as process:
        until(process, "s8")
        process.send_signal(signal.SIGUSR2)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "asked to stop" in said
    assert (tmp_path / "out.parquet").exists()


def test_a_handler_that_breaks_into_a_line_of_the_log_leaves_both_whole(tmp_path):
    code = """
import os, signal, sys
from pathlib import Path
from lodestone.workflow.adapter import logged_to
from lodestone.runtime.signals import listen
listen()
with logged_to(Path("x.log")):
    print("before", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGUSR2)
    print("after", file=sys.stderr)
"""
    command = [sys.executable, "-c", code]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = process.stderr.splitlines()
    assert (lines[0], lines[1][:14], lines[2]) == ("before", "asked to stop ", "after")
    assert (tmp_path / "x.log").read_text() == process.stderr


RULE = """
rule x:
    output: output="out.parquet"
    log: "x.log"
    params: state="state", pause=0.5
    script: "job.py"
"""


@pytest.mark.slow
def test_inside_a_rule_the_finished_batches_survive_and_the_reason_is_told(tmp_path):
    (tmp_path / "job.py").write_text(JOB)
    (tmp_path / "Snakefile").write_text(RULE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1"]
    with subprocess.Popen(
        ["bash", "-c", f"trap '' USR2; exec {' '.join(command)}"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        until(process, "works on s0")
        os.killpg(process.pid, signal.SIGUSR2)  # as SLURM does: everybody gets it
        _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "stopped as asked (SIGUSR2), 2 of 10 finished" in said
    assert "stopped as asked" in (tmp_path / "x.log").read_text()
    assert len(list((tmp_path / "state").rglob("*.parquet"))) == 1
