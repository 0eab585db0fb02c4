"""The profiles of the repository: the CPUs that their jobs ask for are the threads that they compute with."""

import pytest
import yaml

from lodestone.operations.arrays import asked, submission
from lodestone.operations.profile import read_profile
from lodestone.workflow.jobs import read_rules

SEVERAL = (
    "sample",
    "pilot",
    "energy",
    "relax",
    "reference_energy",
    "other_energy",
    "term_reference_energy",
)
"""Rules that relax or evaluate energies on CPUs, look-ahead included."""


@pytest.mark.parametrize("name", ["slurm", "slurm-test"])
def test_one_number_decides(root, name):
    rules = read_rules(root / "rules")
    profile = read_profile(root / "profiles" / name, rules)
    for rule, needs in rules.items():
        threads = profile.set_threads.get(rule, needs.threads)
        assert submission(asked(rule, profile, rules), rule, profile)["cpus_per_task"] == threads
    assert "cpus_per_task" not in yaml.safe_dump(
        yaml.safe_load((root / "profiles" / name / "config.yaml").read_text())
    )


def test_on_a_cluster_what_relaxes_and_evaluates_has_several_cores(root):
    rules = read_rules(root / "rules")
    profile = read_profile(root / "profiles" / "slurm", rules)
    for rule in SEVERAL:
        assert submission(asked(rule, profile, rules), rule, profile)["cpus_per_task"] > 1, rule
    for rule in ("sample", "pilot"):
        assert submission(asked(rule, profile, rules), rule, profile)["gpus_per_node"] == 1
