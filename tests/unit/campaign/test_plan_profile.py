import dataclasses
import math

import pytest

from lodestone.operations.profile import NUMBERS, OTHERS, SUBMITIT, Profile, read_profile
from lodestone.operations.profile_values import ProfileError
from lodestone.workflow.jobs import NEEDS
from snakemake_executor_plugin_submitit.settings import ExecutorSettings

GOOD = """\
executor: submitit
jobs: 500
default-resources: {slurm_partition: gpu, runtime: 2h, mem: 4GB}
set-resources:
  sample: {gpus: 1, runtime: 360 * 2, mem_mb: 8000 * attempt}
groups: {measure: curate}
submitit-array-limit: 200
submitit-here: [references]
"""


@pytest.fixture
def read(tmp_path):
    def read(text=GOOD, name="config.yaml"):
        (tmp_path / name).write_text(text)
        return read_profile(tmp_path, NEEDS)

    return read


def test_a_profile_is_read_in_the_units_of_jobs(read):
    found = read()
    assert found.default_resources == {"slurm_partition": "gpu", "runtime": 120, "mem_mb": 4000}
    assert found.set_resources == {"sample": {"gpus": 1, "runtime": 720, "mem_mb": 8000}}
    assert (found.jobs, found.array_limit, found.array_parallelism) == (500, 200, 256)
    assert (found.here, found.groups) == (("references",), {"measure": "curate"})
    assert found.remarks == ()


def test_snakemake_s_other_forms_mean_the_same(read, tmp_path):
    lists = """\
executor: submitit
jobs: unlimited
default-resources: [slurm_partition=gpu, runtime=2h, mem=4GB]
set-resources: ["sample:gpus=1", "sample:runtime=12h", "sample:mem_mb=8000"]
groups: [measure=curate]
set-threads: {energy: 4}
"""
    found, plain = read(lists, "config.v8+.yaml"), read()
    assert found.path == tmp_path / "config.v8+.yaml"
    assert plain.path == found.path  # the more specific file wins
    assert found.default_resources == {"slurm_partition": "gpu", "runtime": 120, "mem_mb": 4000}
    assert found.set_resources == {"sample": {"gpus": 1, "runtime": 720, "mem_mb": 8000}}
    assert (found.jobs, found.groups, found.set_threads) == (math.inf, {"measure": "curate"}, {"energy": 4})


def test_a_file_may_be_named_itself(tmp_path):
    (tmp_path / "own.yaml").write_text(GOOD)
    assert read_profile(tmp_path / "own.yaml", NEEDS).jobs == 500


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "executor: submitit",
            "executor: local",
            r"config.yaml: executor: 'local' is wrong; allowed: submitit",
        ),
        ("executor: submitit", "", r"executor: missing; allowed: submitit"),
        ("jobs: 500", "", r"jobs: missing; allowed: .*`jobs: 500`"),
        ("jobs: 500", "jobs: many", r"jobs: 'many' is wrong; allowed: whole numbers of at least 1"),
        ("limit: 200", "limit: 0", r"submitit-array-limit: 0 is wrong; allowed: whole numbers of at least 1"),
        ("limit: 200", "limit: true", r"submitit-array-limit: True is wrong"),
        ("{measure: curate}", "5", r"groups: 5 is wrong; allowed: a mapping"),
        ("sample: {gpus: 1", "sample: 3 #", r"set-resources: sample: 3 is wrong; allowed: a mapping of"),
        ("runtime: 2h", "runtime: soon", r"default-resources: runtime is 'soon'; allowed: a number"),
        ("runtime: 2h", "runtime: 2 fortnights", r"runtime is '2 fortnights'; allowed: minutes, or a time"),
        ("mem: 4GB", "mem: lots", r"mem is 'lots'; allowed: a size, as in 4GB"),
        ("8000 * attempt", "input.size_mb", r"set-resources: sample: mem_mb is 'input.size_mb'; allowed"),
        ("8000 * attempt", "[1]", r"set-resources: sample: mem_mb is \[1\]; allowed: a number or text"),
        ("[references]", "{a: 1}", r"submitit-here: .* is wrong; allowed: a list"),
        ("jobs: 500", "jobs: [", r"config.yaml:\d+: not YAML"),
        (GOOD, "- a\n", r"is no mapping"),
        (GOOD, GOOD + "submitit-cluster: moon\n", r"submitit-cluster: 'moon' is wrong; allowed: slurm or"),
        (GOOD, GOOD + "set-threads: {sample: few}\n", r"set-threads: sample: 'few' is wrong"),
    ],
)
def test_what_is_wrong_is_refused_with_file_key_and_remedy(read, old, new, message):
    assert old in GOOD
    with pytest.raises(ProfileError, match=message):
        read(GOOD.replace(old, new))


def test_a_missing_profile_is_named(tmp_path):
    with pytest.raises(ProfileError, match=r"none: no such profile; allowed: a folder with config.yaml"):
        read_profile(tmp_path / "none", NEEDS)
    with pytest.raises(ProfileError, match=r"a profile without config.yaml"):
        read_profile(tmp_path, NEEDS)


def test_what_has_no_effect_is_pointed_out(read):
    text = (
        GOOD.replace("sample:", "smaple:").replace("measure:", "mesure:").replace("[references]", "[all_of]")
    )
    remarks = read(text + "submitit-aray-limit: 3\n").remarks
    assert [remark.partition(": ")[2] for remark in remarks] == [
        "set-resources: there is no rule 'smaple', did you mean 'sample'?",
        "groups: there is no rule 'mesure', did you mean 'measure'?",
        "submitit-here: there is no rule 'all_of'",
        "submitit-aray-limit: the executor has no such setting, did you mean 'submitit-array-limit'?",
    ]


def test_settings_and_defaults_are_those_of_the_executor():
    fields = {f.name: f for f in dataclasses.fields(ExecutorSettings)}
    assert {name.replace("-", "_") for name in (*NUMBERS, *OTHERS)} == fields.keys()
    for name, (default, least) in NUMBERS.items():
        field = name.replace("-", "_")
        assert fields[field].default == default
        ExecutorSettings(**{field: least})
        with pytest.raises(ValueError, match=f"{SUBMITIT}{name}"):
            ExecutorSettings(**{field: least - 1})
    ours = Profile(path=None)
    for name in ("cluster", "folder", "array_limit", "array_parallelism", "signal_delay", "max_timeouts"):
        assert getattr(ours, name) == fields[name].default
