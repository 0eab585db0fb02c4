from pathlib import Path

import pytest

from lodestone.doctor import cluster as doctor_slurm
from lodestone.operations.profile import Profile

PARTITIONS = """\
PartitionName=cpu Default=YES MaxTime=2-00:00:00 State=UP Nodes=a
PartitionName=gpu Default=NO MaxTime=04:00:00 State=UP Nodes=b
PartitionName=old Default=NO MaxTime=UNLIMITED State=DOWN Nodes=c
"""
CONFIG = """\
AccountingStorageType   = accounting_storage/none
MaxArraySize            = 501
"""


def profile(**changes):
    return Profile(**{"path": Path("cluster/config.yaml"), "jobs": 10} | changes)


def answers(text, code=0):
    return lambda _: (code, text)


def states(checks):
    return {check.name: check.state for check in checks}


def test_missing_commands_are_one_finding():
    (check,) = doctor_slurm.commands(lambda name: None if name in {"sbatch", "srun"} else f"/usr/bin/{name}")
    assert check.state == "missing"
    assert "no command sbatch, srun" in check.found
    assert "login node" in check.remedy
    (check,) = doctor_slurm.commands(lambda name: f"/usr/bin/{name}")
    assert (check.state, "/usr/bin/sbatch" in check.found) == ("good", True)


@pytest.mark.parametrize(
    ("code", "text", "state"),
    [
        (0, "Slurmctld(primary) at head is UP", "good"),
        (1, "Slurmctld(primary) at head is DOWN", "missing"),
        (0, "Slurmctld(primary) at head is DOWN", "missing"),
        (127, "", "missing"),
    ],
)
def test_the_controller_answers_or_not(code, text, state):
    (check,) = doctor_slurm.controller(answers(text, code))
    assert check.state == state
    assert bool(check.remedy) == (state == "missing")


def test_arrays_must_fit_the_cluster():
    fitting = states(doctor_slurm.configuration(profile(array_limit=500), answers(CONFIG)))
    assert fitting == {"arrays": "good", "accounting": "good"}
    large = next(doctor_slurm.configuration(profile(array_limit=501), answers(CONFIG)))
    assert (large.state, large.remedy) == ("missing", "submitit-array-limit: 500 in cluster/config.yaml")
    silent = states(doctor_slurm.configuration(profile(), answers("")))
    assert silent["arrays"] == "odd"
    assert states(doctor_slurm.configuration(profile(), answers("error", 1))) == {"configuration": "odd"}


def test_accounting_is_told_and_not_needed():
    def found(storage):
        text = CONFIG.replace("accounting_storage/none", storage)
        return list(doctor_slurm.configuration(profile(array_limit=5), answers(text)))[1]

    assert found("accounting_storage/none").found.startswith("not kept, and not needed")
    kept = found("accounting_storage/slurmdbd")
    assert (kept.state, kept.found) == ("good", "kept (accounting_storage/slurmdbd)")


@pytest.mark.parametrize(
    ("name", "minutes", "state", "says"),
    [
        ("gpu", 240, "good", "allows 04:00:00, 240 min"),
        ("gpu", 241, "missing", "runtime: 240 or less"),
        (None, 60, "good", "UP"),
        ("gup", 60, "missing", "there are: cpu, gpu, old"),
        ("old", 60, "missing", "its state is DOWN"),
    ],
)
def test_partitions_are_there_open_and_long_enough(name, minutes, state, says):
    (check,) = doctor_slurm.partitions({name: minutes}, profile(), answers(PARTITIONS))
    assert check.state == state
    assert says in check.found + check.remedy


def test_no_default_partition_is_a_finding():
    text = PARTITIONS.replace("Default=YES", "Default=NO")
    (check,) = doctor_slurm.partitions({None: 60}, profile(), answers(text))
    assert check.state == "missing"
    assert "there are: cpu, gpu, old" in check.remedy


def test_times_of_slurm_are_minutes():
    written = {"30": 30, "30:30": 30.5, "4:00:00": 240, "1-00:00:00": 1440, "2-12": 3600, "1-02:30": 1590}
    assert {text: doctor_slurm.minutes_of(text) for text in written} == written
    assert doctor_slurm.minutes_of("UNLIMITED") == float("inf")
