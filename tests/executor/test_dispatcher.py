import json

import pytest

from snakemake_executor_plugin_submitit.clusters import LimitedError, RefusedError, UnreachableError
from snakemake_executor_plugin_submitit.history import jobs
from snakemake_executor_plugin_submitit.tasks import Failed, Note, Submitted, Succeeded


def only(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_equal_needs_make_one_array(desk, task):
    events = desk.tick(*(task(str(i)) for i in range(40)))
    assert [len(ids) for _, ids, *_ in desk.cluster.batches] == [40]
    assert len(only(events, Submitted)) == 40


def test_other_needs_make_another_array(desk, task):
    more = {"timeout_min": 5, "cpus_per_task": 1, "slurm_mem": "9MB"}
    desk.tick(task("a"), task("b", parameters=more), task("c"), task("d", parameters=more))
    assert sorted(commands for *_, commands in desk.cluster.batches) == [
        ["run a", "run c"],
        ["run b", "run d"],
    ]


def test_arrays_end_at_the_limit(make_desk, make_cluster, task):
    desk = make_desk(cluster=make_cluster(limit=15))
    desk.tick(*(task(str(i)) for i in range(40)))
    assert [len(ids) for _, ids, *_ in desk.cluster.batches] == [15, 15, 10]


def test_an_outcome_ends_a_task_while_the_cluster_is_silent(desk, task):
    desk.tick(task())
    desk.cluster.answers = False
    desk.ends("101")
    events = desk.tick()
    assert [event.task.key for event in only(events, Succeeded)] == ["a"]
    assert not desk.dispatcher.busy


def test_a_failure_names_exit_code_and_last_words(desk, task, tmp_path):
    log = tmp_path / "rule.log"
    desk.clock.now = 0.0
    desk.tick(task(logs=(str(log),)))
    log.write_text("loading\nFileNotFoundError: no checkpoint here\n\n")
    desk.ends("101", "failed", 3)
    (failed,) = only(desk.tick(), Failed)
    assert "exit code 3" in failed.cause
    assert "FileNotFoundError: no checkpoint here" in failed.cause
    assert str(log) in failed.cause


def test_a_log_of_an_earlier_attempt_is_not_quoted(desk, task, tmp_path):
    log = tmp_path / "rule.log"
    log.write_text("old trouble\n")
    desk.clock.now = log.stat().st_mtime + 10
    desk.tick(task(logs=(str(log),)))
    desk.ends("101", "failed", 1)
    (failed,) = only(desk.tick(), Failed)
    assert "old trouble" not in failed.cause


@pytest.mark.parametrize(
    "state", ["PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED", "NEW_IN_2030"]
)
def test_a_job_that_lives_is_kept_for_ever(desk, task, state):
    desk.tick(task())
    desk.cluster.becomes(state)
    assert desk.tick(after=1e6) == []
    assert desk.dispatcher.busy


def test_a_silent_cluster_fails_nothing(desk, task):
    desk.tick(task())
    desk.cluster.answers = False
    notes = [note for i in range(100) for note in desk.tick(after=60.0)]
    assert only(notes, Failed) == []
    assert 10 < len(notes) < 30  # now and then, not each time
    desk.cluster.answers = True
    assert "answers again" in desk.tick()[0].text


def test_a_lost_job_is_reported_after_the_grace_with_its_log(desk, task):
    desk.tick(task())
    desk.cluster.forgets()
    assert desk.tick() == []
    assert desk.tick(after=29.0) == []
    (failed,) = only(desk.tick(after=2.0), Failed)
    assert "101_0_log.out" in failed.cause
    assert desk.cluster.cancelled == ["101"]


def test_a_job_that_shows_up_again_starts_a_new_grace(desk, task):
    desk.tick(task())
    row = desk.cluster.rows["101"]
    desk.cluster.forgets()
    desk.tick(after=29.0)
    desk.cluster.rows["101"] = row
    desk.tick(after=29.0)
    desk.cluster.forgets()
    assert desk.tick(after=29.0) == []
    assert desk.tick(after=29.0) == []


def test_a_cancelled_job_is_reported_soon(desk, task):
    desk.tick(task())
    desk.cluster.becomes("CANCELLED")
    desk.tick()
    (failed,) = only(desk.tick(after=6.0), Failed)
    assert "CANCELLED" in failed.cause


def test_out_of_memory_says_what_to_raise(desk, task):
    desk.tick(task())
    desk.cluster.becomes("OUT_OF_MEMORY")
    desk.tick()
    (failed,) = only(desk.tick(after=6.0), Failed)
    assert "mem_mb" in failed.cause


def test_accounting_tells_of_a_job_that_the_queue_forgot(desk, task):
    desk.tick(task())
    row = desk.cluster.rows["101"]
    desk.cluster.told = {"101": row.__class__("RUNNING", "", row.name)}
    desk.cluster.forgets()
    desk.tick()
    assert desk.tick(after=1e5) == []


@pytest.mark.parametrize("state", ["PREEMPTED", "NODE_FAIL", "TIMEOUT", "BOOT_FAIL"])
def test_a_job_that_was_taken_away_comes_back(desk, task, state):
    desk.tick(task())
    desk.cluster.becomes(state)
    assert desk.tick() == []
    events = desk.tick(after=31.0)
    assert only(events, Failed) == []
    assert [event.submission.job_id for event in only(events, Submitted)] == ["102"]
    desk.ends("102")
    assert len(only(desk.tick(), Succeeded)) == 1


def test_a_requeued_job_passes_through_preempted(desk, task):
    desk.tick(task())
    desk.cluster.becomes("PREEMPTED")
    desk.tick()
    desk.cluster.becomes("PENDING")
    assert desk.tick(after=20.0) == []
    assert desk.tick(after=100.0) == []
    assert len(desk.cluster.batches) == 1


def test_a_job_comes_back_only_so_often(desk, task):
    desk.tick(task())
    failed = []
    for _ in range(8):
        desk.cluster.becomes("TIMEOUT")
        desk.tick()
        failed += only(desk.tick(after=31.0), Failed)
    assert len(failed) == 1
    assert len(desk.cluster.batches) == 1 + 3


def test_what_the_cluster_refuses_fails_at_once_with_its_words(desk, task):
    desk.cluster.error = RefusedError("invalid partition specified: gpuu")
    (failed, other) = only(desk.tick(task("a"), task("b")), Failed)
    assert "invalid partition specified: gpuu" in failed.cause
    assert not desk.dispatcher.busy
    assert jobs(desk.folder) == []
    assert {failed.task.key, other.task.key} == {"a", "b"}


def test_a_submission_in_doubt_is_repeated_if_it_was_not_taken(desk, task):
    desk.cluster.error, desk.cluster.answers = UnreachableError("socket timed out"), False
    assert only(desk.tick(task("a"), task("b")), Failed) == []
    desk.tick(after=60.0)
    desk.cluster.error, desk.cluster.answers = None, True
    events = desk.tick(after=60.0)
    assert len(only(events, Submitted)) == 2
    assert len(desk.cluster.batches) == 1


def test_a_submission_in_doubt_that_was_taken_is_cancelled_first(desk, task):
    real = desk.cluster.submit

    def taken_but_unanswered(*arguments):
        real(*arguments)
        raise UnreachableError("socket timed out")

    desk.cluster.submit = taken_but_unanswered
    desk.tick(task("a"), task("b"))
    desk.cluster.submit = real
    desk.tick()
    assert sorted(desk.cluster.cancelled) == ["101_0", "101_1"]
    desk.cluster.becomes("COMPLETING", "101_0", "101_1")  # not gone yet: no second copy beside it
    assert only(desk.tick(after=1000.0), Submitted) == []
    desk.cluster.forgets()
    assert len(only(desk.tick(), Submitted)) == 2


def test_cancel_reaches_a_submission_in_doubt(desk, task):
    real = desk.cluster.submit

    def taken_but_unanswered(*arguments):
        real(*arguments)
        raise UnreachableError("socket timed out")

    desk.cluster.submit = taken_but_unanswered
    desk.tick(task("a"))
    desk.dispatcher.cancel()
    assert desk.cluster.cancelled == ["101"]


def test_a_submit_limit_makes_arrays_smaller_and_waits(desk, task):
    real, most = desk.cluster.submit, 12

    def limited(payloads, *arguments):
        alive = sum(row.alive for row in desk.cluster.rows.values())
        if alive + len(payloads) > most:
            raise LimitedError("QOSMaxSubmitJobPerUserLimit")
        return real(payloads, *arguments)

    desk.cluster.submit = limited
    events = desk.tick(*(task(str(i)) for i in range(40)))
    for _ in range(400):
        for id_, row in list(desk.cluster.rows.items())[:3]:
            if row.alive:
                desk.ends(id_)
                desk.cluster.forgets(id_)
        events += desk.tick(after=1.0)
    assert only(events, Failed) == []
    assert len(only(events, Succeeded)) == 40


def test_a_submit_limit_of_zero_is_an_error(desk, task):
    desk.cluster.error = LimitedError("AssocMaxSubmitJobLimit")
    (failed,) = only(desk.tick(task()), Failed)
    assert "AssocMaxSubmitJobLimit" in failed.cause


def test_no_more_than_allowed_run_at_a_time(make_desk, task):
    desk = make_desk(parallel={"slurm": 2})
    desk.tick(*(task(str(i)) for i in range(5)))
    assert len(desk.cluster.rows) == 2
    desk.ends("101_0")
    desk.tick()
    assert len(desk.cluster.rows) == 3


def test_cancel_takes_own_jobs_only(desk, task):
    foreign = desk.cluster.take([type("P", (), {"command": "x"})], {}, "someone-else")
    desk.tick(task("a"), task("b"))
    (note,) = desk.dispatcher.cancel()
    assert "cancelled 2 jobs" in note.text
    assert set(desk.cluster.cancelled).isdisjoint(foreign)
    assert {record.state for record in jobs(desk.folder)} == {"cancelled"}


def test_cancel_without_an_answer_says_what_may_go_on(desk, task):
    desk.tick(task())
    desk.cluster.answers = False
    (note,) = desk.dispatcher.cancel()
    assert note.warning
    assert "101" in note.text
    desk.cluster.answers = True
    assert [event.adopted for event in only(desk.again().tick(task()), Submitted)] == [True]


def test_the_journal_is_lines_of_json(desk, task):
    desk.tick(task())
    desk.ends("101")
    desk.tick()
    events = [json.loads(line) for line in (desk.folder / "journal.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["submitting", "submitted", "ended"]
    assert only(desk.tick(), Note) == []
