import pytest

from snakemake_executor_plugin_submitit.clusters import (
    LimitedError,
    RefusedError,
    UnreachableError,
    outside_of_jobs,
    sorted_out,
)
from snakemake_executor_plugin_submitit.status import Row, Verdict, compact, judge, read_sacct, read_squeue


def test_squeue():
    text = (
        "12_3|RUNNING|None|sample.1\n"
        "12_[4-9%2]|PENDING|JobArrayTaskLimit|sample.1\n"
        "13|COMPLETED|None|a|b\n"
        "slurm_load_jobs error\n\n"
    )
    assert read_squeue(text) == {
        "12_3": Row("RUNNING", "None", "sample.1"),
        "12_[4-9%2]": Row("PENDING", "JobArrayTaskLimit", "sample.1"),
        "13": Row("COMPLETED", "None", "a|b"),
    }


def test_sacct():
    text = "12_3|CANCELLED by 1000|sample.1\n13|RUNNING|b\n14||c\nnonsense\n"
    found = read_sacct(text)
    assert {id_: (row.state, row.name) for id_, row in found.items()} == {
        "12_3": ("CANCELLED", "sample.1"),
        "13": ("RUNNING", "b"),
    }


@pytest.mark.parametrize(
    ("state", "over", "expected"),
    [
        ("RUNNING", 1e9, Verdict.KEEP),
        ("UNHEARD_OF", 1e9, Verdict.KEEP),
        ("COMPLETED", 29.0, Verdict.KEEP),
        ("COMPLETED", 31.0, Verdict.LOST),
        ("FAILED", 4.0, Verdict.KEEP),
        ("FAILED", 6.0, Verdict.LOST),
        ("CANCELLED", 6.0, Verdict.LOST),
        ("OUT_OF_MEMORY", 6.0, Verdict.LOST),
        ("PREEMPTED", 29.0, Verdict.KEEP),
        ("PREEMPTED", 31.0, Verdict.AGAIN),
        ("NODE_FAIL", 31.0, Verdict.AGAIN),
        ("TIMEOUT", 31.0, Verdict.AGAIN),
        (None, 29.0, Verdict.KEEP),
        (None, 31.0, Verdict.LOST),
    ],
)
def test_verdicts(state, over, expected):
    assert judge(None if state is None else Row(state), over, 30.0) is expected


def test_no_grace_is_possible():
    assert judge(Row("FAILED"), 0.0, 0.0) is Verdict.LOST


def test_ids_for_accounting():
    assert compact(["12_3", "12_4", "7"]) == ["12", "7"]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("sbatch: error: Unable to contact slurm controller (connect failure)", UnreachableError),
        (
            "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
            UnreachableError,
        ),
        ("sbatch: error: Batch job submission failed: Unexpected message received", UnreachableError),
        (
            "sbatch: error: Batch job submission failed: Slurm backup controller in standby mode",
            UnreachableError,
        ),
        ("sbatch: error: AssocMaxSubmitJobLimit\nJob violates accounting/QOS policy", LimitedError),
        ("sbatch: error: QOSMaxSubmitJobPerUserLimit", LimitedError),
        ("sbatch: error: invalid partition specified: gpuu", RefusedError),
        ("sbatch: error: Requested node configuration is not available", RefusedError),
    ],
)
def test_what_sbatch_means(message, kind):
    assert type(sorted_out(message)) is kind


def test_the_environment_of_a_job_is_not_handed_on(monkeypatch):
    import os

    monkeypatch.setenv("SLURM_JOB_ID", "5")
    monkeypatch.setenv("SLURM_CONF", "/etc/other.conf")
    with outside_of_jobs():
        assert "SLURM_JOB_ID" not in os.environ
        assert os.environ["SLURM_CONF"] == "/etc/other.conf"
    assert os.environ["SLURM_JOB_ID"] == "5"
