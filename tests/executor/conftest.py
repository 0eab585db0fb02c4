"""A cluster in memory, and a dispatcher on it, for every case that a real one shows only now and then."""

from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit.dispatcher import Dispatcher
from snakemake_executor_plugin_submitit.records import JobFiles, write
from snakemake_executor_plugin_submitit.status import Row
from snakemake_executor_plugin_submitit.submitter import Options
from snakemake_executor_plugin_submitit.tasks import Task


class FakeCluster:
    """Jobs that do nothing until a test moves them."""

    own_folders = False

    def __init__(self, limit=1000):
        self.limit = limit
        self.rows, self.batches, self.cancelled = {}, [], []
        self.answers, self.error, self.told = True, None, {}
        self.number = 100

    def submit(self, payloads, parameters, name, folder):
        if self.error:
            raise self.error
        assert folder.is_absolute()
        return self.take(payloads, parameters, name)

    def take(self, payloads, parameters, name):
        self.number += 1
        array = len(payloads) > 1
        ids = [f"{self.number}_{i}" if array else str(self.number) for i in range(len(payloads))]
        self.rows |= {id_: Row("PENDING", "Priority", name) for id_ in ids}
        self.batches.append((name, ids, dict(parameters), [p.command for p in payloads]))
        return ids

    def queue(self):
        return dict(self.rows) if self.answers else None

    def accounting(self, ids):
        return {id_: self.told[id_] for id_ in ids if id_ in self.told}

    def cancel(self, ids):
        if not self.answers:
            return False
        self.cancelled += ids
        for id_ in ids:
            if id_ in self.rows:
                self.becomes("CANCELLED", id_)
        return True

    def becomes(self, state, *ids):
        for id_ in ids or list(self.rows):
            self.rows[id_] = Row(state, "None", self.rows[id_].name)

    def forgets(self, *ids):
        for id_ in ids or list(self.rows):
            del self.rows[id_]


class Clock:
    """Time that passes when a test says so."""

    now = 1000.0

    def __call__(self):
        return self.now


class Desk:
    """A dispatcher with its cluster, clock and folder; `again` is the next process in the same folder."""

    def __init__(self, folder: Path, cluster=None, clock=None, run="one", **options):
        self.folder, self.cluster, self.clock = folder, cluster or FakeCluster(), clock or Clock()
        self.run, self.options = run, options
        arguments = {"grace": 30.0, "max_returns": 3} | options
        self.dispatcher = Dispatcher(
            {"slurm": self.cluster}, Options(run, folder, folder, **arguments), self.clock
        )

    def tick(self, *tasks, after=0.0):
        self.clock.now += after
        return self.dispatcher.tick(tasks)

    def ends(self, job_id, state="succeeded", code=0, run=None):
        files = JobFiles(self.folder / (run or self.run), job_id)
        files.folder.mkdir(parents=True, exist_ok=True)
        write(files.outcome, {"state": state, "exit_code": code, "time": self.clock.now})

    def again(self, run="two", **options):
        return Desk(self.folder, self.cluster, self.clock, run, **(self.options | options))


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture
def make_desk(tmp_path):
    return lambda **options: Desk(tmp_path, **options)


@pytest.fixture
def new_desk():
    return Desk


@pytest.fixture
def make_cluster():
    return FakeCluster


@pytest.fixture
def task():
    def make(name="a", **changes):
        values = {
            "key": name, "content": "same", "command": f"run {name}", "label": "rule",
            "parameters": {"timeout_min": 5, "cpus_per_task": 1}, "rules": ("rule",), "outputs": (name,),
        }  # fmt: skip
        return Task(**(values | changes))

    return make
