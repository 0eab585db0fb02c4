"""Two copies of a job never work on the same state at the same time, by real processes."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys

import pytest

from lodestone.runtime.locks import alone

COPY = """
import sys, time
from pathlib import Path
from lodestone.workflow.adapter import guarded
from lodestone.runtime.locks import alone
from lodestone.runtime.files import remove_folder, write_text
from lodestone.runtime.signals import listen
state, output, name = Path("results/state/arm/0000"), Path("out"), sys.argv[1]
listen()
def job():
    with alone(state, output) as needed:
        print("works" if needed else "idle", flush=True)
        if needed:
            sys.stdin.readline()
            write_text(output, name)
            remove_folder(state, up_to="state")
raise SystemExit(guarded(job))
"""


@pytest.fixture
def copy(tmp_path):
    """Start a copy of a job that works until it is told to finish."""
    started = []

    def start(name):
        process = subprocess.Popen(
            [sys.executable, "-c", COPY, name],
            cwd=tmp_path, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def finish(process):
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait(timeout=30) == 0


def test_the_second_copy_waits_for_the_first_and_finds_the_work_done(copy, tmp_path):
    first = copy("first")
    assert first.stdout.readline() == "works\n"
    second = copy("second")
    told = second.stderr.readline()
    assert told.startswith(f"waits for process {first.pid} on {socket.gethostname()}, which works on ")
    finish(first)
    assert second.stdout.readline() == "idle\n"
    assert second.wait(timeout=30) == 0
    assert (tmp_path / "out").read_text() == "first"
    assert not (tmp_path / "results" / "state").exists()


def test_after_kill_9_of_the_first_the_second_goes_on(copy, tmp_path):
    first = copy("first")
    assert first.stdout.readline() == "works\n"
    (tmp_path / "results/state/arm/0000/batch").touch()
    second = copy("second")
    assert "waits for" in second.stderr.readline()
    first.send_signal(signal.SIGKILL)
    assert second.stdout.readline() == "works\n"
    assert (tmp_path / "results/state/arm/0000/batch").exists()
    finish(second)
    assert (tmp_path / "out").read_text() == "second"


def test_who_waits_stops_when_asked(copy):
    first = copy("first")
    assert first.stdout.readline() == "works\n"
    second = copy("second")
    assert "waits for" in second.stderr.readline()
    second.send_signal(signal.SIGUSR2)
    assert second.wait(timeout=30) == os.EX_TEMPFAIL
    finish(first)


def test_an_old_output_is_made_anew_as_before(copy, tmp_path):
    (tmp_path / "out").write_text("old")
    only = copy("only")
    assert only.stdout.readline() == "works\n"
    finish(only)
    assert (tmp_path / "out").read_text() == "only"


def test_where_the_state_is_gone_without_an_output_the_work_begins_anew(tmp_path):
    state, output = tmp_path / "state" / "x", tmp_path / "out"
    stranger = (state / ".lock").open
    state.mkdir(parents=True)
    with stranger("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        def sleep(seconds):
            del seconds
            (state / ".lock").unlink(missing_ok=True)
            fcntl.flock(held, fcntl.LOCK_UN)

        with alone(state, output, sleep) as needed:
            assert needed
            assert (state / ".lock").exists()


def test_without_locks_it_goes_on_and_says_so(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with alone(tmp_path / "state" / "x", tmp_path / "out") as needed:
        assert needed
    assert "has no locks (Function not implemented); goes on without" in capsys.readouterr().err
