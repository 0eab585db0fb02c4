import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lodestone.cli import main

ROOT = Path(__file__).resolve().parents[3]
DEMO = str(ROOT / "config" / "demo.yaml")
HEAVY = {
    "torch",
    "tensorflow",
    "mattergen",
    "pymatgen",
    "ase",
    "spglib",
    "numpy",
    "polars",
    "scipy",
    "plotly",
    "snakemake",
}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["check", DEMO],
        ["check", "none.yaml"],
        ["plan", DEMO, "--json"],
        ["status", DEMO, "--folder", "none"],
        ["compare", "--help"],
    ],
)
def test_help_check_and_plan_are_light(arguments):
    assert HEAVY.isdisjoint(loaded_by(arguments))


def test_a_profile_loads_snakemake_and_what_that_loads_only():
    modules = loaded_by(["plan", DEMO, "--profile", str(ROOT / "profiles" / "slurm")])
    assert HEAVY & modules == {"snakemake", "numpy"}  # its reader of YAML needs numpy


def loaded_by(arguments):
    code = (
        "import sys\n"
        "from lodestone.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        "print('\\n', *sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *_, modules = process.stdout.splitlines()
    return set(modules.split())


def test_check_sums_a_good_campaign_up():
    result = CliRunner().invoke(main, ["check", DEMO])
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    assert f"{DEMO}: good" in result.stdout
    assert "4 O around each Co within 2.6 Å, within 0.5" in result.stdout
    assert "unguided, control" in result.stdout


def test_a_wrong_campaign_ends_every_command_alike(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("campaign: ../up\n")
    process = subprocess.run(
        [sys.executable, "-m", "lodestone", "check", "wrong.yaml"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (process.returncode, process.stdout) == (2, "")
    assert "wrong.yaml:1: campaign: '../up'" in process.stderr
    assert "Traceback" not in process.stderr
    for command in ("plan", "status"):
        result = CliRunner().invoke(main, [command, str(path)])
        assert (result.exit_code, result.stdout) == (2, "")
        assert "wrong.yaml:1: campaign" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["check"], ["plan"], ["status"], ["doctor"], ["compare"]])
def test_help_teaches_with_an_example(arguments):
    result = CliRunner().invoke(main, [*arguments, "--help"])
    assert result.exit_code == 0
    name = arguments[0] if arguments else "check"
    assert f"\n    lodestone {name}" in result.stdout


def test_plan_tells_what_a_campaign_takes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = CliRunner().invoke(main, ["plan", DEMO]).stdout
    assert "CPU-hours of sampling" in text
    assert "sbatch" not in text
    found = json.loads(CliRunner().invoke(main, ["plan", DEMO, "--json"]).stdout)
    assert found["campaign"] == "demo"
    assert found["structures"] == sum(arm["structures"] for arm in found["arms"])
    assert found["jobs_total"] == sum(found["jobs"].values())
    assert found["cluster"] is None


PROFILE = """\
executor: submitit
jobs: 500
default-resources: {slurm_partition: gpu}
set-resources: {sample: {gpus: 1}, smaple: {gpus: 2}}
"""


@pytest.fixture
def profile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "config.yaml").write_text(PROFILE)
    return tmp_path / "cluster" / "config.yaml"


@pytest.mark.usefixtures("profile")
def test_plan_tells_the_arrays_of_a_profile():
    asked = ["plan", DEMO, "--profile", "cluster"]
    text = CliRunner().invoke(main, asked).stdout
    assert re.search(r"^sample +6 +1 +6  gpu, 1 GPU, 1 CPU, 2500MB, 720 min$", text, re.MULTILINE)
    assert "unknown for the embedded model on GPUs" in text
    assert "warning: cluster/config.yaml: set-resources: there is no rule 'smaple', did you mean" in text
    known = CliRunner().invoke(main, [*asked, "--seconds-per-pass", "0.01"]).stdout
    assert "GPU-hours of sampling   0.32 on gpu" in known
    found = json.loads(CliRunner().invoke(main, [*asked, "--json", "--device", "cpu"]).stdout)
    sample = next(array for array in found["cluster"]["arrays"] if array["name"] == "sample")
    assert (sample["jobs"], sample["calls"], sample["minutes"]) == (6, 1, 720)
    assert found["speed"]["device"] == "cpu"
    assert found["cluster"]["hours"] > 0


@pytest.mark.parametrize("command", [["plan", DEMO], ["doctor"]])
def test_a_wrong_profile_ends_a_command_with_its_fault(command, profile):
    profile.write_text(PROFILE.replace("jobs: 500", "jobs: 0"))
    result = CliRunner().invoke(main, [*command, "--profile", "cluster"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "cluster/config.yaml: jobs: 0 is wrong; allowed: whole numbers of at least 1" in result.stderr
    missing = CliRunner().invoke(main, [*command, "--profile", "other"])
    assert missing.exit_code == 2
    assert "other: no such profile" in missing.stderr


def test_a_resource_that_no_cluster_takes_is_a_fault_of_the_profile(profile):
    profile.write_text(PROFILE.replace("sample: {gpus: 1}", "sample: {gpus: two}"))
    result = CliRunner().invoke(main, ["plan", DEMO, "--profile", "cluster"])
    assert result.exit_code == 2
    assert "sample: gpus is 'two'; allowed: a number" in result.stderr


def test_status_of_a_campaign_that_has_not_begun(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["status", DEMO])
    assert result.exit_code == 0
    assert " 0 of " in result.stdout.splitlines()[0]
    assert result.stdout.splitlines()[-1] == "0 of 576 structures sampled"
    found = json.loads(CliRunner().invoke(main, ["status", DEMO, "--json"]).stdout)
    assert {row["done"] for row in found["stages"]} == {0}
    assert {"sample", "relax", "energy", "hull", "report"} <= {row["stage"] for row in found["stages"]}
    assert (found["journal"], found["wanted"]) == (False, 576)
    assert not (tmp_path / "results").exists()


def test_status_reads_the_journal_of_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = {"key": "k", "rules": ["sample"], "outputs": ["results/demo/arms/control/samples/0000.parquet"]}
    event = {"event": "submitting", "time": 1.0, "name": "a", "folder": "jobs/r", "jobs": [job]}
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "journal.jsonl").write_text(json.dumps(event) + "\n")
    result = CliRunner().invoke(main, ["status", DEMO, "--folder", "jobs"])
    assert result.stdout.splitlines()[-1].endswith("0 jobs running, 1 queued, 0 failed")


def test_status_is_told_again_until_it_is_interrupted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("lodestone.cli.time.sleep", sleep)
    result = CliRunner().invoke(main, ["status", DEMO, "--watch", "7"])
    assert slept == [7.0] * 3
    assert result.stdout.count("structures sampled") == 3
    assert result.exit_code == 1
    assert "Traceback" not in result.stdout + result.stderr
