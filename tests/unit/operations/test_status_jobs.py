import os
import time

import polars as pl
import pytest

from lodestone.config import arms
from lodestone.operations.status import status, status_text
from lodestone.operations.submitted import read_queue
from lodestone.structures.table import write_table
from lodestone.workflow.paths import CampaignPaths
from lodestone.workflow.stages import BY_NAME, OF_EVERY_ARM, Place, place
from snakemake_executor_plugin_submitit.journal import Journal
from snakemake_executor_plugin_submitit.records import JobFiles, write

NOW = 1_700_000_000.0


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return CampaignPaths(campaign="small")


class Runs:
    """A journal as the executor writes it, and what jobs leave beside it."""

    def __init__(self, folder):
        self.folder, self.journal, self.number = folder, Journal(folder), 100

    def submit(self, *jobs, age=3600.0, attempt=1):
        """Jobs as (rule, arm or None, outputs); their ids."""
        self.number += 1
        name = f"array.{self.number}"
        described = [
            {
                "key": f"{rules}{sorted(map(str, outputs))}",
                "rules": rules.split(","),
                "wildcards": {},
                "outputs": [str(path) for path in outputs],
                "attempt": attempt,
            }
            for rules, outputs in jobs
        ]
        event = {"time": NOW - age, "name": name, "folder": str(self.folder / "run"), "run": "run"}
        self.journal.append(
            {"event": "submitting", "cluster": "slurm", "parameters": {}, "jobs": described} | event
        )
        ids = [f"{self.number}_{i}" for i in range(len(jobs))]
        self.journal.append({"event": "submitted", "time": NOW - age, "name": name, "ids": ids})
        self.keys = getattr(self, "keys", {}) | {
            id_: (name, one["key"]) for id_, one in zip(ids, described, strict=True)
        }
        return ids

    def start(self, job_id, age, host="node7"):
        (self.folder / "run").mkdir(exist_ok=True)
        write(JobFiles(self.folder / "run", job_id).started, {"starts": [{"time": NOW - age, "host": host}]})

    def end(self, job_id, state, age=0.0, cause=None):
        name, key = self.keys[job_id]
        self.journal.append(
            {"event": "ended", "name": name, "key": key, "state": state, "time": NOW - age, "cause": cause}
        )


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path / ".snakemake" / "submitit")


def look(campaign, paths, runs):
    return status(campaign, paths, runs.folder, NOW)


def row(found, arm, stage):
    return next(row for row in found.stages if (row.arm, row.stage) == (arm, stage))


def chunk(path, rows, age):
    write_table(pl.DataFrame({"id": [str(i) for i in range(rows)]}), path)
    os.utime(path, (NOW - age, NOW - age))


def sample(paths, arm, *shards):
    return [("sample", [paths.samples(arm, shard)]) for shard in shards]


def test_every_file_of_a_campaign_has_its_place(paths):
    def found(path):
        return place(str(path.relative_to(paths.directory)))

    assert found(paths.samples("a-s0.1", 7)) == Place("sample", "a-s0.1", 7)
    assert found(paths.pilot("co_o_4")) == Place("pilot", "co_o_4")
    assert found(paths.energies_by("chgnet-0f")) == Place("term_reference_energy", "chgnet-0f")
    for stage in OF_EVERY_ARM:
        assert found(paths.stage("control", stage.column)) == Place(stage.name, "control")
    whole = {
        "references": paths.references,
        "reference_energy": paths.reference_energies,
        "hull": paths.hull,
        "analyse": paths.candidates,
        "record": paths.record,
        "report": paths.report,
        "figures": paths.figures("guidance"),
    }
    assert {stage: found(path) for stage, path in whole.items()} == {stage: Place(stage) for stage in whole}
    for beside in (paths.hull_audit, paths.pilot("co_o_4", ".tsv"), paths.statistics / "rates.tsv"):
        assert found(beside) is None


def test_jobs_run_wait_and_fail_as_is_on_file(campaign, paths, runs):
    first, second, third = runs.submit(*sample(paths, "unguided", 0, 1, 2))
    runs.start(first, age=720)
    runs.start(second, age=60, host="node8")
    runs.end(second, "failed", cause="exit code 1")
    found = look(campaign(), paths, runs)
    unguided = row(found, "unguided", "sample")
    assert (unguided.jobs_running, unguided.jobs_queued, unguided.jobs_failed) == (1, 1, 1)
    assert found.counts == {"running": 1, "queued": 1, "failed": 1}
    text = status_text(found)
    assert "1 running since 12 min on node7, 1 queued, 1 failed" in text
    assert text.splitlines()[-1] == "0 of 160 structures sampled, 1 job running, 1 queued, 1 failed"
    (failure,) = found.failed
    assert (failure.rules, failure.arm, failure.cause) == (("sample",), "unguided/0001", "exit code 1")
    assert failure.log == str(runs.folder / "run" / f"{second}_0_log.out")
    assert failure.log in text
    assert third.endswith("_2")


def test_only_the_newest_job_of_a_place_counts(campaign, paths, runs):
    (old,) = runs.submit(*sample(paths, "control", 0), age=3000)
    runs.end(old, "failed", cause="exit code 1")
    (new,) = runs.submit(*sample(paths, "control", 0), age=2000, attempt=2)
    assert look(campaign(), paths, runs).counts == {"running": 0, "queued": 1, "failed": 0}
    runs.end(new, "failed", cause="out of memory")
    (failure,) = look(campaign(), paths, runs).failed
    assert (failure.attempt, failure.cause) == (2, "out of memory")
    (last,) = runs.submit(*sample(paths, "control", 0), age=1000, attempt=3)
    runs.end(last, "cancelled")
    found = look(campaign(), paths, runs)
    assert found.counts == {"running": 0, "queued": 0, "failed": 0}
    assert found.failed == ()


def test_a_job_whose_file_came_later_is_done_whatever_is_on_file(campaign, paths, runs):
    lost, failed = runs.submit(*sample(paths, "control", 0, 1), age=3600)
    runs.start(lost, age=3500)
    runs.end(failed, "failed", cause="node lost")
    chunk(paths.samples("control", 0), 8, age=100)
    chunk(paths.samples("control", 1), 8, age=100)
    found = look(campaign(), paths, runs)
    assert found.counts == {"running": 0, "queued": 0, "failed": 0}
    assert row(found, "control", "sample").done == 16


def test_a_job_submitted_anew_counts_although_its_old_file_is_there(campaign, paths, runs):
    chunk(paths.stage("control", "relaxed"), 20, age=5000)
    (again,) = runs.submit(("relax", [paths.stage("control", "relaxed")]), age=60)
    found = look(campaign(), paths, runs)
    assert row(found, "control", "relax").jobs_queued == 1
    runs.start(again, 30)
    relax = row(look(campaign(), paths, runs), "control", "relax")
    assert (relax.done, relax.jobs_running) == (20, 1)


def test_a_group_is_one_job_of_several_stages(campaign, paths, runs):
    stages = ("measure", "symmetrize", "screen")
    outputs = [paths.stage("control", BY_NAME[stage].column) for stage in stages]
    (group,) = runs.submit((",".join(stages), outputs))
    runs.start(group, 60)
    chunk(outputs[0], 20, age=10)
    found = look(campaign(), paths, runs)
    assert [row(found, "control", stage).jobs_running for stage in stages] == [0, 1, 1]
    assert row(found, "control", "measure").done == 20
    assert found.counts["running"] == 1
    runs.end(group, "failed", cause="exit code 1")
    failed = look(campaign(), paths, runs)
    assert failed.counts["failed"] == len(failed.failed) == 1
    assert failed.failed[0].arm == "control"


def test_jobs_of_another_campaign_in_the_same_folder_do_not_count(campaign, paths, runs):
    runs.submit(*sample(CampaignPaths(campaign="other"), "unguided", 0))
    assert look(campaign(), paths, runs).counts == {"running": 0, "queued": 0, "failed": 0}


def test_the_time_left_is_at_the_rate_of_the_jobs_that_run(campaign, paths, runs):
    first, _ = runs.submit(*sample(paths, "unguided", 0, 1))
    runs.start(first, age=100)
    for number, age in enumerate((30, 20, 10)):
        chunk(paths.state("unguided", 0) / "abc" / f"batch-{number:08d}.parquet", 2, age)
    found = look(campaign(), paths, runs)
    unguided = row(found, "unguided", "sample")
    assert (unguided.done, unguided.jobs_running, unguided.jobs_queued) == (6, 1, 1)
    assert unguided.rate == pytest.approx(0.2)
    assert unguided.seconds_left == pytest.approx(14 / 0.2)
    assert found.seconds_left == pytest.approx(154 / 0.2)
    assert status_text(found).splitlines()[-1].endswith("1 job running, 1 queued, 0 failed, ~13 min left")
    assert " 720  70 s" in next(line for line in status_text(found).splitlines() if "unguided" in line)


def test_a_job_without_two_chunks_goes_at_the_rate_of_those_that_are_done(campaign, paths, runs):
    done, running = runs.submit(*sample(paths, "unguided", 0, 1), age=3000)
    runs.start(done, age=2000)
    runs.end(done, "succeeded", age=1600)  # 8 structures in 400 s
    chunk(paths.samples("unguided", 0), 8, age=1600)
    assert row(look(campaign(), paths, runs), "unguided", "sample").rate is None
    runs.start(running, age=300)
    unguided = row(look(campaign(), paths, runs), "unguided", "sample")
    assert unguided.rate == pytest.approx(0.02)
    assert unguided.seconds_left == pytest.approx(12 / 0.02)


def test_a_job_that_is_running_on_file_only_has_no_rate(campaign, paths, runs):
    (lost,) = runs.submit(*sample(paths, "unguided", 0))
    runs.start(lost, age=3000)
    for number, age in enumerate((2900, 2890)):
        chunk(paths.state("unguided", 0) / "abc" / f"batch-{number:08d}.parquet", 2, age)
    unguided = row(look(campaign(), paths, runs), "unguided", "sample")
    assert (unguided.jobs_running, unguided.rate, unguided.seconds_left) == (1, None, None)


def test_at_most_twenty_failures_are_listed(campaign, paths, runs):
    many = campaign(sampling={"structures": 200})
    ids = runs.submit(*sample(paths, "unguided", *range(25)))
    for id_ in ids:
        runs.end(id_, "failed", cause="exit code 1")
    lines = status_text(look(many, paths, runs)).splitlines()
    assert sum("exit code 1" in line for line in lines) == 20
    assert "and 5 more" in lines


def test_pilots_and_stages_of_the_campaign_are_jobs_too(campaign, paths, runs):
    auto = campaign(("strengths: [0.1, 0.3]", "strengths: auto"))
    pilot = [paths.pilot("co_o_4"), paths.pilot("co_o_4", ".tsv"), paths.pilot("co_o_4", ".parquet")]
    runs.submit(("pilot", pilot), ("hull", [paths.hull, paths.hull_audit]))
    found = look(auto, paths, runs)
    assert row(found, "co_o_4-auto", "pilot").jobs_queued == 1
    assert row(found, "", "hull").jobs_queued == 1
    assert found.counts["queued"] == 2


def test_outputs_given_by_their_whole_path_are_found(paths, runs):
    runs.submit(("sample", [paths.samples("control", 3).absolute()]))
    assert list(read_queue(runs.folder, paths.directory, {}).jobs) == [Place("sample", "control", 3)]


def test_a_thousand_arms_are_read_in_three_seconds(campaign, paths, runs):
    terms = [{"kind": "volume_per_atom", "target": 15}]
    many = campaign(
        constraints={f"v{i}": {"terms": terms, "satisfied_within": 0.5} for i in range(18)},
        guidance={"strengths": [round(0.01 * i, 2) for i in range(1, 50)]},
    )
    names = [arm.name for arm in arms(many)]
    assert len(names) == 1002
    for start in range(0, 1000, 250):
        batch = names[start : start + 250]
        ids = runs.submit(*(one for name in batch for one in sample(paths, name, 0, 1)))
        for id_ in ids[:100]:
            runs.start(id_, 60)
    for name in names[:100]:
        for number, age in enumerate((30, 20, 10, 5)):
            chunk(paths.state(name, 0) / "abc" / f"batch-{number:08d}.parquet", 2, age)
    begin = time.process_time()
    found = look(many, paths, runs)
    spent = time.process_time() - begin
    status_text(found)
    assert found.counts == {"running": 400, "queued": 1600, "failed": 0}
    assert spent < 3, spent
