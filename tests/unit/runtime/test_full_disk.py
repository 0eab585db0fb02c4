"""A full disk is waited for; nothing that was computed is lost to it."""

import errno
import os
import subprocess
import threading
import time

import polars as pl
import pytest

from lodestone.runtime.files import (
    Patience,
    is_full,
    patience_of_environment,
    when_there_is_space,
    write_atomically,
    write_bytes,
    write_text,
)
from lodestone.structures.table import write_table


class Clock:
    """Time that passes only in sleep."""

    def __init__(self):
        self.now, self.slept = 1000.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def failing(times, code=errno.ENOSPC):
    left = iter(range(times))

    def attempt():
        if next(left, None) is not None:
            raise OSError(code, os.strerror(code))
        return "done"

    return attempt


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_it_waits_longer_and_longer_and_says_so(tmp_path, clock, capsys, code):
    patience = Patience(1800, clock.sleep, clock)
    assert when_there_is_space(tmp_path / "new" / "a", failing(7, code), patience) == "done"
    assert clock.slept == [5, 10, 20, 40, 60, 60, 60]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 7
    assert lines[0].startswith(f"no space left for {tmp_path / 'new' / 'a'} (")
    assert lines[0].endswith(" MB free); waiting, 30 minutes left")
    assert lines[-1].endswith("waiting, 27 minutes left")


def test_it_gives_up_with_the_path_and_what_to_do(tmp_path, clock):
    with pytest.raises(OSError, match=r"waited 30 minutes; free .* run the same command") as caught:
        when_there_is_space(tmp_path / "a", failing(10**6), Patience(1800, clock.sleep, clock))
    assert caught.value.errno == errno.ENOSPC
    assert str(tmp_path / "a") in str(caught.value)
    assert sum(clock.slept) == 1800


def test_other_errors_are_not_waited_for(tmp_path, clock):
    for code in (errno.EIO, errno.EACCES):
        with pytest.raises(OSError, match=os.strerror(code)):
            when_there_is_space(tmp_path, failing(1, code), Patience(1800, clock.sleep, clock))
    assert clock.slept == []
    assert is_full(pl.exceptions.ComputeError("underlying IO error: No space left (os error 28)"))
    assert not is_full(pl.exceptions.ComputeError("os error 280"))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_is_found_full_late_leaves_no_half_file(tmp_path, clock, monkeypatch, call):
    write_text(tmp_path / "a", "old")
    fails, real = failing(2), getattr(os, call)
    monkeypatch.setattr(os, call, lambda *given: fails() and real(*given))
    patience = Patience(1800, clock.sleep, clock)
    write_atomically(tmp_path / "a", lambda path: path.write_text("new") and None, patience)
    assert clock.slept == [5, 10]
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "new"


def test_the_environment_says_how_long(monkeypatch, capsys):
    monkeypatch.delenv("LODESTONE_WAIT_FOR_SPACE", raising=False)
    assert patience_of_environment().seconds == 1800
    monkeypatch.setenv("LODESTONE_WAIT_FOR_SPACE", "7.5")
    assert patience_of_environment().seconds == 7.5
    monkeypatch.setenv("LODESTONE_WAIT_FOR_SPACE", "soon")
    assert patience_of_environment().seconds == 1800
    assert "LODESTONE_WAIT_FOR_SPACE='soon' is no number of seconds" in capsys.readouterr().err


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_on_a_disk_that_is_really_full_the_batch_waits_for_space(small_disk, monkeypatch, capsys):
    monkeypatch.setenv("LODESTONE_WAIT_FOR_SPACE", "60")
    monkeypatch.setattr("lodestone.runtime.files.FIRST_PAUSE", 0.2)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(1000 * 1024))
    rows = pl.DataFrame({"x": [os.urandom(1000) for _ in range(300)]})

    def free_it():
        time.sleep(1)
        filler.unlink()

    thread = threading.Thread(target=free_it)
    thread.start()
    write_table(rows, small_disk / "state" / "batch.parquet")
    thread.join()
    assert pl.read_parquet(small_disk / "state" / "batch.parquet").equals(rows)
    assert "no space left for" in capsys.readouterr().err
    assert [p.name for p in (small_disk / "state").iterdir()] == ["batch.parquet"]


def test_what_never_fits_ends_with_an_error_and_leaves_the_old_file(small_disk, monkeypatch):
    monkeypatch.setenv("LODESTONE_WAIT_FOR_SPACE", "0")
    write_bytes(small_disk / "a", b"old")
    with pytest.raises(OSError, match="no space left, waited 0 minutes"):
        write_bytes(small_disk / "a", bytes(2**21))
    assert (small_disk / "a").read_bytes() == b"old"
    assert len(list(small_disk.iterdir())) == 1
