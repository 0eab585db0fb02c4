import math

import pytest
import yaml
from snakemake.api import SnakemakeApi
from snakemake.iocontainers import InputFiles
from snakemake.settings.types import OutputSettings, ResourceSettings

from lodestone.operations.arrays import asked
from lodestone.operations.profile import ProfileError, read_profile, work_out
from lodestone.workflow.jobs import Needs
from lodestone.workflow.stages import NEEDS

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
    assert work_out(found.default_resources, 1) == {"slurm_partition": "gpu", "runtime": 120, "mem_mb": 4000}
    assert work_out(found.set_resources["sample"], 1) == {"gpus": 1, "runtime": 720, "mem_mb": 8000}
    assert (found.jobs, found.array_limit, found.array_parallelism) == (500, 200, 256)
    assert (found.here, found.groups) == (["references"], {"measure": "curate"})
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
    assert work_out(found.default_resources, 1) == {"slurm_partition": "gpu", "runtime": 120, "mem_mb": 4000}
    assert work_out(found.set_resources["sample"], 1) == {"gpus": 1, "runtime": 720, "mem_mb": 8000}
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
        ("limit: 200", "limit: 0", r"config.yaml: submitit-array-limit is 0; the least allowed is 1"),
        ("limit: 200", "limit: true", r"config.yaml: submitit-array-limit: invalid int value: 'True'"),
        ("{measure: curate}", "5", r"groups: 5 is wrong; allowed: a mapping"),
        (
            "sample: {gpus: 1",
            "sample: 3 #",
            r"set-resources: {'sample': 3} is wrong; allowed: a mapping, .* `rule: {res",
        ),
        (
            "runtime: 2h",
            "runtime: soon",
            r"default-resources: runtime is 'soon'; allowed: minutes, or a time",
        ),
        ("runtime: 2h", "runtime: 2 fortnights", r"runtime is '2 fortnights'; allowed: minutes, or a time"),
        ("mem: 4GB", "mem: lots", r"mem is 'lots'; allowed: a size, as in 4GB"),
        ("8000 * attempt", "input.size_mb", r"set-resources: sample: mem_mb is 'input.size_mb'; allowed"),
        ("8000 * attempt", "[1]", r"set-resources: sample: mem_mb is '\[1\]'; allowed: a number, or"),
        ("mem: 4GB", "mem_mb: -4", r"default-resources: .*mem_mb.* '-4', which is not a positive integer"),
        ("mem: 4GB", "mem: 4GB, mem_mb: 1", r"default-resources: .*cannot be simultaneously provided"),
        ("slurm_partition: gpu", "slurm_partition: all", r"slurm_partition is 'all'; .*quotes.*: \"'all'\""),
        ("runtime: 2h", "runtime: 9 if input else 8", r"runtime is '9 if input else 8'; allowed"),
        ("{measure: curate}", "[measure]", r"groups: \['measure'\] is wrong; allowed: a mapping"),
        ("sample: {gpus", "sample: {9a", r"set-resources: sample: .*valid identifier, but found 9a"),
        (
            GOOD,
            "executor: submitit\njobs: 5\nset-resources: [a]\n",
            r"set-resources: a: '' is wrong; allowed: a mapp",
        ),
        (GOOD, "executor: submitit\njobs: {a: 1}\n", r"jobs: {'a': 1} is wrong; allowed: the most jobs"),
        ("limit: 200", "limit: [200]", r"submitit-array-limit can't be set to a list '\[200\]'"),
        (GOOD, "__use_yte__: true\njobs: ?many\n", r"config.yaml: .*name 'many' is not defined"),
        (GOOD, GOOD + "group-components: {curate: 0}\n", r"group-components: .* is wrong; allowed: .*of at"),
        (GOOD, GOOD + "set-threads: {sample: input}\n", r"set-threads: sample: 'input' is wrong"),
        (GOOD, GOOD + "set-threads: {sample: 0}\n", r"set-threads: sample: 0 is wrong; allowed: whole"),
        ("jobs: 500", "jobs: [", r"config.yaml:\d+: not YAML"),
        (GOOD, "- a\n", r"is no mapping"),
        (GOOD, GOOD + "submitit-cluster: moon\n", r"submitit-cluster: invalid choice: 'moon' .*'slurm'"),
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
    remarks = read(text + "submitit-aray-limit: 3\nsubmitit-setup: {a: 1}\n").remarks
    assert [remark.partition(": ")[2] for remark in remarks] == [
        "set-resources: there is no rule 'smaple', did you mean 'sample'?",
        "groups: there is no rule 'mesure', did you mean 'measure'?",
        "submitit-here: there is no rule 'all_of'",
        "submitit-aray-limit: the executor has no such setting, did you mean 'submitit-array-limit'?",
        "submitit-setup: Snakemake passes over a mapping here",
    ]


AMOUNTS = {
    "runtime": (720, "12h", "1d", "90s", "720", 0.5, "2 * 60 * attempt", "60 if threads > 2 else 30"),
    "mem": ("4GB", "1500KB", "4GiB", "1 TB", 2000, "2000 * attempt"),
    "mem_mb": (4000, "2000 * attempt", "max(1000, 2*attempt)", "threads * 500", 1e3, 2.5),
    "mem_mib": (1000, "500 * threads"),
    "gpus": (1, "a100:1", "2"),
    "slurm_partition": ("gpu", "gpu-large", "gpu,cpu", "'all'", "1", None),
    "slurm_extra": ("'--reservation=week47'", "--nice=100"),
}


@pytest.mark.parametrize(("name", "amount"), [(n, a) for n, amounts in AMOUNTS.items() for a in amounts])
@pytest.mark.parametrize("key", ["default-resources", "set-resources"])
def test_amounts_are_those_that_a_job_of_snakemake_has(tmp_path, name, amount, key):
    given = {name: amount} if key == "default-resources" else {"relax": {name: amount}}
    content = {"executor": "submitit", "jobs": 1, key: given, "set-threads": {"relax": 4}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    ours = asked("relax", read_profile(tmp_path, NEEDS), {"relax": Needs(1, {})})
    theirs = resources_of_a_job(tmp_path)
    normal = {"mem": "mem_mb", "mem_mib": "mem_mb"}.get(name, name)
    assert ours == {normal: theirs.get(normal), "_cores": theirs["_cores"]}


def resources_of_a_job(folder):
    """What Snakemake itself gives a job of a rule without resources, by this profile."""
    from snakemake.cli import get_argument_parser

    arguments = get_argument_parser([str(folder)]).parse_args([])
    (folder / "Snakefile").write_text("rule relax:\n    output: 'x'\n    shell: 'true'\n")
    settings = ResourceSettings(
        nodes=1,
        overwrite_threads=arguments.set_threads,
        overwrite_resources=arguments.set_resources,
        default_resources=arguments.default_resources,
    )
    with SnakemakeApi(OutputSettings()) as api:
        workflow = api.workflow(settings, snakefile=folder / "Snakefile", workdir=folder)._workflow
        return dict(workflow.get_rule("relax").expand_resources({}, InputFiles(), 1))
