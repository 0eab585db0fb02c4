import pytest

from snakemake_executor_plugin_submitit.resources import ResourceError, gpus_in_words, parameters, summary
from snakemake_executor_plugin_submitit.settings import ExecutorSettings

SETTINGS = ExecutorSettings(array_parallelism=7, signal_delay=90, setup=["module load cuda"])


def asked(**resources):
    return parameters(resources, 2, SETTINGS)


def test_everything_that_can_be_asked():
    found = asked(
        runtime=45, mem_mb=1500, cpus_per_task=2, gpus=1, slurm_partition="gpu", slurm_account="lab",
        qos="high", constraint="a100", slurm_extra="--reservation=week47 --exclusive --comment 'two words'",
    )  # fmt: skip
    assert found == {
        "timeout_min": 45, "slurm_mem": "1500MB", "cpus_per_task": 2, "gpus_per_node": 1,
        "slurm_partition": "gpu", "slurm_account": "lab", "slurm_qos": "high", "slurm_constraint": "a100",
        "stderr_to_stdout": True, "slurm_array_parallelism": 7, "slurm_signal_delay_s": 90,
        "slurm_setup": ["module load cuda"], "slurm_srun_args": ["--cpus-per-task", "2"],
        "slurm_additional_parameters": {
            "reservation": "week47", "exclusive": True, "comment": "two words", "requeue": True,
        },
    }  # fmt: skip


def test_nothing_asked_is_an_hour_on_the_job_s_threads():
    found = asked()
    assert (found["timeout_min"], found["cpus_per_task"]) == (60, 2)
    assert not {"slurm_mem", "gpus_per_node", "slurm_partition"} & found.keys()


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"gpus": "a100:2"}, {"slurm_gres": "gpu:a100:2"}),
        ({"gpus": "2"}, {"gpus_per_node": 2}),
        ({"gpu": 1}, {"gpus_per_node": 1}),
        ({"gres": "shard:4"}, {"slurm_gres": "shard:4"}),
        ({"mem_mb_per_cpu": 500, "mem_mb": 9}, {"slurm_mem_per_cpu": "500MB"}),
        ({"runtime": 0.5}, {"timeout_min": 1}),
        ({"runtime": 90.2}, {"timeout_min": 91}),
        ({"mem_mb": 99.5}, {"slurm_mem": "100MB"}),
    ],
)
def test_forms(resources, expected):
    assert asked(**resources).items() >= expected.items()


def test_no_gpu_asked_for_is_none():
    assert "gpus_per_node" not in asked(gpus=0)


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({}, None),
        ({"gpus": 0, "gpu": 0}, None),
        ({"gpus": "0"}, None),
        ({"gpus": 2}, "gpus=2"),
        ({"gpus": "a100:1"}, "gpus=a100:1"),
        ({"gpu": 1}, "gpu=1"),
        ({"gres": "gpu:v100:1"}, "gres=gpu:v100:1"),
        ({"gres": "shard:4", "slurm_partition": "gpu"}, None),
    ],
)
def test_gpus_in_words_are_those_that_slurm_is_asked_for(resources, words):
    assert gpus_in_words(resources) == words
    found = asked(**resources)
    assert ("gpus_per_node" in found or found.get("slurm_gres", "").startswith("gpu")) == (words is not None)


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"runtime": "long"}, ["runtime", "'long'", "number"]),
        ({"runtime": 0}, ["runtime", "0.1"]),
        ({"mem_mb": -5}, ["mem_mb", "-5"]),
        ({"mem_mb": float("nan")}, ["mem_mb"]),
        ({"cpus_per_task": 0}, ["cpus_per_task"]),
        ({"cpus_per_task": 8}, ["cpus_per_task is 8", "threads of the job are 2", "set-threads: {RULE: 8}"]),
        ({"cpus_per_task": 1}, ["cpus_per_task is 1", "threads of the job are 2"]),
        ({"gpus": 1, "slurm_extra": "--gpus=2"}, ["--gpus is managed", "gpus"]),
        ({"gpus": "many"}, ["gpus", "a100:1"]),
        ({"gpus": "a100:1", "gres": "gpu:1"}, ["gpus", "gres"]),
        ({"slurm_extra": "--time=99"}, ["--time", "runtime"]),
        ({"slurm_extra": "--array=1-4"}, ["--array", "submitit-array-limit"]),
        ({"slurm_extra": "exclusive"}, ["exclusive", "--option=value"]),
        ({"slurm_extra": "--comment='two"}, ["slurm_extra", "quotation"]),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(resources, words):
    with pytest.raises(ResourceError) as caught:
        asked(**resources)
    assert all(word in str(caught.value) for word in words)


def test_what_jobs_name_themselves_wins_over_the_common_settings():
    common = ExecutorSettings(partition="cpu", account="lab", qos="low")
    found = parameters({"slurm_partition": "gpu"}, 1, common)
    assert (found["slurm_partition"], found["slurm_account"], found["slurm_qos"]) == ("gpu", "lab", "low")


def test_summary():
    text = summary(asked(runtime=45, mem_mb=1500, gpus=2, slurm_partition="gpu"))
    assert text == "gpu, 2 GPUs, 2 CPUs, 1500MB, 45 min"


@pytest.mark.parametrize(
    "wrong", [{"array_limit": 0}, {"array_parallelism": 0}, {"signal_delay": 1}, {"here_parallel": 0}]
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match="submitit-" + next(iter(wrong)).replace("_", "-")):
        ExecutorSettings(**wrong)


def test_what_sbatch_gets(tmp_path, monkeypatch):
    """submitit takes the parameters, and writes them as sbatch understands them."""
    import submitit

    (tmp_path / "srun").write_text("#!/bin/sh\n")
    (tmp_path / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    executor = submitit.AutoExecutor(tmp_path, cluster="slurm")
    executor.update_parameters(name="x", **asked(runtime=45, mem_mb=1500, gpus=1, slurm_extra="--exclusive"))
    text = executor._executor._make_submission_file_text("true", "0")
    for line in (
        "--time=45",
        "--mem=1500MB",
        "--gpus-per-node=1",
        "--signal=USR2@90",
        "--requeue",
        "--exclusive",
    ):
        assert f"#SBATCH {line}\n" in text
    assert "module load cuda\n" in text
    assert "srun --unbuffered" in text
    assert "--cpus-per-task 2" in text
