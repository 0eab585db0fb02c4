"""Any order of misfortunes: no task ever has two copies, and every task ends."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snakemake_executor_plugin_submitit.clusters import UnreachableError
from snakemake_executor_plugin_submitit.history import jobs, newest
from snakemake_executor_plugin_submitit.tasks import Failed, Succeeded

STEPS = ("outcome", "forget", "taken", "silence", "answer", "kill", "doubt", "settle", "wait")


class Storm:
    """Three tasks in a desk to which misfortunes happen; Snakemake's part is to offer again what failed."""

    def __init__(self, desk, task):
        self.desk, self.task, self.real = desk, task, desk.cluster.submit
        self.wanted, self.finished, self.failed = {"a", "b", "c"}, set(), []
        self.turn(self.wanted)

    def turn(self, names, after=1.0):
        new = [self.task(name, complete=lambda: True) for name in sorted(names)]
        for event in self.desk.tick(*new, after=after):
            if isinstance(event, Succeeded):
                assert event.task.key not in self.finished
                self.finished.add(event.task.key)
            if isinstance(event, Failed):
                self.failed.append(event.task.key)
        alive = [command for command, id_ in self.jobs() if self.desk.cluster.rows[id_].alive]
        assert len(alive) == len(set(alive)), alive

    def jobs(self):
        """Command and id of every job that the cluster still knows."""
        pairs = [
            p for _, ids, _, commands in self.desk.cluster.batches for p in zip(commands, ids, strict=True)
        ]
        return [(command, id_) for command, id_ in pairs if id_ in self.desk.cluster.rows]

    def happens(self, what, which):
        alive = [id_ for _, id_ in self.jobs() if self.desk.cluster.rows[id_].alive]
        if what in {"outcome", "forget", "taken"}:
            if alive:
                getattr(self, what)(alive[which % len(alive)])
        elif what != "wait":
            getattr(self, what)()
        again, self.failed = self.failed, []
        self.turn(again, after=40.0)

    def outcome(self, job_id):
        run = next(name.split(".")[-2] for name, ids, *_ in self.desk.cluster.batches if job_id in ids)
        self.desk.ends(job_id, run=run)
        self.desk.cluster.forgets(job_id)

    def forget(self, job_id):
        self.desk.cluster.forgets(job_id)

    def taken(self, job_id):
        self.desk.cluster.becomes("NODE_FAIL", job_id)

    def silence(self):
        self.desk.cluster.answers = False

    def answer(self):
        self.desk.cluster.answers = True

    def doubt(self):
        def taken_but_unanswered(*arguments):
            self.real(*arguments)
            raise UnreachableError("socket timed out")

        self.desk.cluster.submit = taken_but_unanswered

    def settle(self):
        self.desk.cluster.submit = self.real

    def kill(self):
        self.desk, self.failed = self.desk.again(f"next{self.desk.run}"), []
        self.turn(self.wanted - self.finished)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), max_size=25))
def test_whatever_happens_no_task_has_two_copies_and_every_task_ends(
    tmp_path_factory, new_desk, make_cluster, task, steps
):
    """The two promises, under any order of misfortunes."""
    storm = Storm(new_desk(tmp_path_factory.mktemp("desk"), make_cluster(), max_returns=1000), task)
    for what, which in [*steps, ("answer", 0), ("settle", 0), *[("wait", 0), ("outcome", 0)] * 12]:
        storm.happens(what, which)
    assert storm.finished == storm.wanted
    done = {record.key for record in newest(jobs(storm.desk.folder)) if record.state == "succeeded"}
    assert done == storm.wanted
