from pathlib import Path

import pytest

from lodestone.doctor import job as doctor_job
from lodestone.doctor.job import Watch
from lodestone.operations.profile import Profile
from snakemake_executor_plugin_submitit.records import JobFiles, write
from snakemake_executor_plugin_submitit.status import Row


def profile(**changes):
    return Profile(**{"path": Path("cluster/config.yaml"), "jobs": 10} | changes)


class Queue:
    """A cluster that lists one job in these states, one after the other."""

    def __init__(self, *rows, then=None):
        self.rows, self.then, self.cancelled = list(rows), then, []

    def queue(self):
        row = self.rows.pop(0) if len(self.rows) > 1 else self.rows[0]
        if callable(row):
            row = row()
        return None if row == "silent" else {} if row is None else {"7": row}

    def cancel(self, ids):
        self.cancelled += ids
        return True


@pytest.fixture
def follow(tmp_path):
    def follow(*rows, wait=10.0):
        now = [0.0]
        files = JobFiles(tmp_path, "7")
        cluster = Queue(*rows)
        watch = Watch(
            cluster,
            "7",
            tmp_path / "answer.json",
            files.log,
            files.outcome,
            clock=lambda: now[0],
            sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
        )
        return watch.follow(wait), cluster.cancelled

    return follow


PENDING, RUNNING = Row("PENDING", "Resources"), Row("RUNNING")


def test_an_answer_is_good(follow, tmp_path):
    def answer():
        (tmp_path / "answer.json").write_text("{}")
        return RUNNING

    check, cancelled = follow(PENDING, RUNNING, answer, None)
    assert (check.state, cancelled) == ("good", [])
    assert "job 7 answered after 3 s" in check.found


def test_a_job_that_does_not_start_is_cancelled_with_slurm_s_reason(follow):
    check, cancelled = follow(PENDING)
    assert (check.state, cancelled) == ("missing", ["7"])
    assert "did not start within 10 s and was cancelled: Resources" in check.found
    assert "--wait" in check.remedy
    never, _ = follow(Row("PENDING", "PartitionConfig"))
    assert "PartitionConfig" in never.found
    assert "scontrol show job" in never.remedy


def test_a_job_that_does_not_end_is_cancelled(follow):
    check, cancelled = follow(PENDING, RUNNING)
    assert (check.state, cancelled) == ("missing", ["7"])
    assert "has not ended after 300 s" in check.found


def test_a_silent_controller_is_waited_for_and_given_up(follow):
    check, _ = follow("silent")
    assert (check.state, "has not ended" in check.found) == ("missing", True)


def test_a_job_that_fails_tells_its_last_line(follow, tmp_path):
    files = JobFiles(tmp_path, "7")
    files.log.write_text("No module named lodestone\n\n")
    write(files.outcome, {"state": "failed", "exit_code": 1})
    check, _ = follow(PENDING, RUNNING, Row("FAILED"))
    assert check.state == "missing"
    assert "ended with exit code 1 (FAILED): No module named lodestone" in check.found
    assert check.remedy == f"see {files.log}"


def test_a_job_that_ends_well_without_a_file_here_means_no_shared_folder(follow, tmp_path):
    write(JobFiles(tmp_path, "7").outcome, {"state": "succeeded", "exit_code": 0})
    check, _ = follow(None)
    assert "its file is not seen here" in check.found
    assert "share" in check.remedy


def test_a_refused_job_is_a_finding(tmp_path, monkeypatch):
    from snakemake_executor_plugin_submitit.clusters import RefusedError

    class Refusing(Queue):
        def submit(self, *_):
            raise RefusedError("submitit: Command failed\nsbatch: error: invalid qos\n")

    monkeypatch.setattr(doctor_job, "_cluster", lambda _: Refusing(None))
    where = profile(folder=tmp_path / "jobs")
    sent = doctor_job.send(where, {"timeout_min": 60}, tmp_path / "results", (), 5.0)
    assert (sent.check.state, sent.answer) == ("missing", None)
    assert sent.check.found == "sbatch: sbatch: error: invalid qos"
    assert list(tmp_path.glob("**/*doctor*")) == []


def test_a_folder_that_cannot_be_written_is_a_finding(tmp_path):
    (tmp_path / "results").write_text("a file")
    sent = doctor_job.send(profile(), {"timeout_min": 60}, tmp_path / "results", (), 5.0)
    assert sent.check.state == "missing"
    assert "cannot be prepared" in sent.check.found


def test_an_interrupted_doctor_cancels_its_job(tmp_path, monkeypatch):
    class Patient(Queue):
        def submit(self, *_):
            return ["7"]

        def queue(self):
            raise KeyboardInterrupt

    cluster = Patient(PENDING)
    monkeypatch.setattr(doctor_job, "_cluster", lambda _: cluster)
    with pytest.raises(KeyboardInterrupt):
        doctor_job.send(profile(folder=tmp_path / "jobs"), {"timeout_min": 60}, tmp_path / "results", (), 5.0)
    assert cluster.cancelled == ["7"]
    assert not (tmp_path / "results").exists()
