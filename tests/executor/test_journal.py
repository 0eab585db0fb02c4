import errno
import json
import os
import subprocess
import sys

import pytest

from snakemake_executor_plugin_submitit.history import jobs, newest
from snakemake_executor_plugin_submitit.journal import Journal
from snakemake_executor_plugin_submitit.records import JobFiles, last_line, read, write


def test_a_line_that_was_cut_short_is_passed_over_and_does_no_more_harm(tmp_path):
    journal = Journal(tmp_path)
    journal.append({"event": "void", "name": "a"})
    with journal.path.open("a") as stream:
        stream.write('{"event": "subm')
    journal.append({"event": "void", "name": "b"})
    assert [event["name"] for event in journal.events()] == ["a", "b"]


WRITER = """\
import sys
from pathlib import Path
from snakemake_executor_plugin_submitit.journal import Journal

for i in range(50):
    Journal(Path(sys.argv[1])).append({"event": "void", "name": f"{sys.argv[2]}{i}", "filler": "x" * 5000})
"""


def test_several_processes_may_write(tmp_path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len({event["name"] for event in Journal(tmp_path).events()}) == 100


@pytest.mark.parametrize("write_down", ["journal", "record"])
def test_a_full_disk_is_waited_for(tmp_path, monkeypatch, capsys, write_down):
    from snakemake_executor_plugin_submitit import full_disk

    full, slept, fsync = [OSError(errno.ENOSPC, "full")] * 14, [], os.fsync

    def fill(descriptor):
        if full:
            raise full.pop()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fill)
    monkeypatch.setattr(full_disk.time, "sleep", slept.append)
    if write_down == "journal":
        Journal(tmp_path).append({"event": "void", "name": "a"})
        assert {event["name"] for event in Journal(tmp_path).events()} == {"a"}
    else:
        write(tmp_path / "x.json", {"a": 1})
        assert read(tmp_path / "x.json") == {"a": 1}
    assert slept == [5.0] * 14
    assert capsys.readouterr().err.count("no space left") == 2


def test_another_error_of_the_disk_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        Journal(tmp_path / "file" / "below").append({"event": "void"})


def test_without_a_journal_there_is_no_history(tmp_path):
    assert jobs(tmp_path) == []
    assert jobs(tmp_path / "nowhere") == []


def test_a_record_is_whole_or_not_there(tmp_path):
    path = tmp_path / "x.json"
    assert read(path) is None
    write(path, {"a": 1})
    assert read(path) == {"a": 1}
    path.write_text('{"a"')
    assert read(path) is None
    path.write_text("[1]")
    assert read(path) is None
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_the_last_line_that_says_something(tmp_path):
    path = tmp_path / "log"
    assert last_line(path) is None
    path.write_bytes(b"x" * 20_000 + "\nthe end: 5 Å\n\n  \n".encode())
    assert last_line(path) == "the end: 5 Å"
    path.write_text("")
    assert last_line(path) is None
    path.write_text("y" * 1000)
    assert last_line(path) == "y" * 300


def test_history_from_files_alone(desk, task):
    desk.tick(task("a", wildcards={"arm": "x"}), task("b"), task("c"))
    desk.tick(task("d", parameters={"timeout_min": 9, "cpus_per_task": 1}))
    files = JobFiles(desk.folder / "one", "101_0")
    files.folder.mkdir()
    start = {"time": 5.0, "host": "n1", "cuda_visible_devices": "1"}
    write(files.started, {"starts": [start, start | {"time": 7.0}]})
    desk.ends("101_1", "failed", 3)
    first, second, third, other = jobs(desk.folder)
    assert (first.state, first.host, first.gpus, first.requeues) == ("running", "n1", "1", 1)
    assert (first.started, first.wildcards, first.job_id) == (7.0, {"arm": "x"}, "101_0")
    assert first.log == files.log
    assert (second.state, second.cause) == ("failed", "exit code 3")
    assert third.state == "queued"
    assert other.parameters["timeout_min"] == 9


def test_a_job_ended_when_it_says_so_not_when_it_was_seen(desk, task):
    desk.tick(task())
    desk.ends("101")
    ended = desk.clock.now
    desk.tick(after=50.0)
    assert [record.ended for record in jobs(desk.folder)] == [ended]


def test_history_keeps_every_attempt_and_knows_the_newest(desk, task):
    desk.tick(task())
    desk.ends("101", "failed", 1)
    desk.tick()
    desk.tick(task(attempt=2))
    assert [(r.attempt, r.state) for r in jobs(desk.folder)] == [(1, "failed"), (2, "queued")]
    assert [r.attempt for r in newest(jobs(desk.folder))] == [2]


def test_a_submission_that_was_refused_is_no_history(desk, task):
    from snakemake_executor_plugin_submitit.clusters import RefusedError

    desk.cluster.error = RefusedError("no")
    desk.tick(task())
    assert jobs(desk.folder) == []


def test_a_submission_whose_answer_never_came_is_queued_without_an_id(desk, task):
    desk.tick(task())
    lines = (desk.folder / "journal.jsonl").read_text().splitlines(keepends=True)
    (desk.folder / "journal.jsonl").write_text(lines[0])
    (record,) = jobs(desk.folder)
    assert (record.job_id, record.log, record.state) == (None, None, "queued")


def test_the_history_of_a_thousand_jobs_is_read_at_once(desk, task):
    desk.tick(*(task(str(i)) for i in range(1000)))
    assert len(jobs(desk.folder)) == 1000
    assert len(json.dumps([r.key for r in jobs(desk.folder)])) > 1000


def test_reading_the_history_loads_nothing_heavy():
    code = (
        "import sys, snakemake_executor_plugin_submitit.history;"
        "print([m for m in ('snakemake', 'submitit', 'numpy', 'psutil', 'lodestone') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
