"""What a later run makes of the jobs of a killed one."""

import pytest

from snakemake_executor_plugin_submitit.tasks import Failed, Submitted, Succeeded


def only(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_live_jobs_are_adopted(desk, task):
    desk.tick(task("a"), task("b"))
    second = desk.again()
    events = second.tick(task("a"), task("b"))
    assert [event.adopted for event in only(events, Submitted)] == [True, True]
    assert len(desk.cluster.batches) == 1
    desk.ends("101_1")
    assert [event.task.key for event in only(second.tick(), Succeeded)] == ["b"]


def test_a_job_that_finished_meanwhile_is_credited(desk, task):
    desk.tick(task())
    desk.ends("101")
    desk.cluster.forgets()
    events = desk.again().tick(task(complete=lambda: True))
    assert len(only(events, Succeeded)) == 1
    assert len(desk.cluster.batches) == 1


def test_without_its_outputs_it_is_not_credited(desk, task):
    desk.tick(task())
    desk.ends("101")
    desk.cluster.forgets()
    events = desk.again().tick(task(complete=lambda: False))
    assert only(events, Succeeded) == []
    assert len(desk.cluster.batches) == 2


@pytest.mark.parametrize("change", [{"content": "other"}, {"forced": True}])
def test_a_live_job_of_another_content_gives_way_first(desk, task, change):
    desk.tick(task())
    second = desk.again()
    assert only(second.tick(task(**change)), Submitted) == []
    assert desk.cluster.cancelled == ["101"]
    desk.cluster.becomes("COMPLETING")
    assert only(second.tick(), Submitted) == []
    desk.cluster.forgets()
    assert [event.adopted for event in only(second.tick(), Submitted)] == [False]


def test_adoption_can_be_refused(desk, task):
    desk.tick(task())
    second = desk.again(adopt=False)
    second.tick(task())
    assert desk.cluster.cancelled == ["101"]
    assert [event.adopted for event in only(second.tick(), Submitted)] == [False]


def test_nothing_is_submitted_while_the_past_is_unknown(desk, task):
    desk.tick(task("a"))
    desk.cluster.answers = False
    second = desk.again()
    events = second.tick(task("a"), task("b"))
    assert [event.task.key for event in only(events, Submitted)] == ["b"]
    desk.cluster.answers = True
    assert [(e.task.key, e.adopted) for e in only(second.tick(), Submitted)] == [("a", True)]


def test_killed_between_sbatch_and_journal(desk, task):
    """The jobs run, but their ids were never written down: they are found by name, and removed."""
    desk.tick(task("a"), task("b"))
    lines = (desk.folder / "journal.jsonl").read_text().splitlines(keepends=True)
    (desk.folder / "journal.jsonl").write_text(lines[0] + lines[1][:20])
    second = desk.again()
    assert only(second.tick(task("b")), Submitted) == []
    assert desk.cluster.cancelled == ["101_1"]
    assert len(only(second.tick(), Submitted)) == 1


def test_an_id_that_belongs_to_someone_else_now_is_not_adopted(desk, task):
    desk.tick(task())
    row = desk.cluster.rows["101"]
    desk.cluster.rows["101"] = row.__class__("RUNNING", "", "someone-else")
    events = desk.again().tick(task())
    assert [event.adopted for event in only(events, Submitted)] == [False]
    assert desk.cluster.cancelled == []


def test_what_was_cancelled_must_be_gone_before_it_runs_again(desk, task):
    desk.tick(task())
    desk.dispatcher.cancel()
    desk.cluster.becomes("COMPLETING")
    second = desk.again()
    assert only(second.tick(task()), Submitted) == []
    desk.cluster.becomes("CANCELLED")
    assert len(only(second.tick(), Submitted)) == 1


def test_a_finished_job_is_simply_run_again_when_asked(desk, task):
    desk.tick(task())
    desk.ends("101")
    desk.tick()
    events = desk.again().tick(task(complete=lambda: True))
    assert [event.adopted for event in only(events, Submitted)] == [False]


def test_a_past_on_a_cluster_that_is_out_of_reach_is_an_error_with_a_way_out(desk, task):
    desk.tick(task())
    text = (desk.folder / "journal.jsonl").read_text()
    (desk.folder / "journal.jsonl").write_text(text.replace('"cluster": "slurm"', '"cluster": "elsewhere"'))
    (failed,) = only(desk.again().tick(task()), Failed)
    assert "101" in failed.cause
    assert "journal.jsonl" in failed.cause


def test_jobs_that_nobody_asked_for_are_told(desk, task):
    desk.tick(task("a"), task("b"))
    second = desk.again()
    second.tick(task("a"))
    assert second.dispatcher.left_behind() == ["101_1"]


def test_a_third_run_adopts_what_the_second_adopted(desk, task):
    desk.tick(task())
    desk.again().tick(task())
    events = desk.again("three").tick(task())
    assert [event.adopted for event in only(events, Submitted)] == [True]
    assert len(desk.cluster.batches) == 1
