import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from lodestone import doctor
from lodestone.cli import main

ROOT = Path(__file__).resolve().parents[2]
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
LIMIT = 1.5  # CPU seconds


@pytest.mark.parametrize(
    "arguments", [["--help"], ["check", DEMO], ["check", "none.yaml"], ["plan", DEMO, "--json"]]
)
def test_help_check_and_plan_are_light(arguments):
    code = (
        "import sys, time\n"
        "from lodestone.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        "print('\\n', *sorted({name.partition('.')[0] for name in sys.modules}))\n"
        "print(time.process_time())\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *_, modules, seconds = process.stdout.splitlines()
    assert HEAVY.isdisjoint(modules.split())
    assert float(seconds) < LIMIT


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


@pytest.mark.parametrize("arguments", [[], ["check"], ["plan"], ["status"], ["doctor"]])
def test_help_teaches_with_an_example(arguments):
    result = CliRunner().invoke(main, [*arguments, "--help"])
    assert result.exit_code == 0
    name = arguments[0] if arguments else "check"
    assert f"\n    lodestone {name}" in result.stdout


def test_plan_tells_what_a_campaign_takes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = CliRunner().invoke(main, ["plan", DEMO]).stdout
    assert "unknown (no timing recorded)" in text
    found = json.loads(CliRunner().invoke(main, ["plan", DEMO, "--json"]).stdout)
    assert found["campaign"] == "demo"
    assert found["structures"] == sum(arm["structures"] for arm in found["arms"])
    assert found["jobs_total"] == sum(found["jobs"].values())


def test_status_of_a_campaign_that_has_not_begun(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["status", DEMO])
    assert result.exit_code == 0
    assert " 0 of " in result.stdout.splitlines()[0]
    rows = json.loads(CliRunner().invoke(main, ["status", DEMO, "--json"]).stdout)
    assert {row["done"] for row in rows} == {0}
    assert {"sample", "relax", "energy", "hull", "report"} <= {row["stage"] for row in rows}
    assert not (tmp_path / "results").exists()


@pytest.fixture
def embedded(tmp_path, monkeypatch):
    """Embedded assets of a test's own, with their card."""
    assets = {"one": ("part/a.bin",), "two": ("b.bin",)}
    (tmp_path / "part").mkdir()
    hashes = {}
    for name in ("part/a.bin", "b.bin"):
        (tmp_path / name).write_text(name)
        hashes[name] = doctor.file_hash(tmp_path / name)
    (tmp_path / "card.json").write_text(json.dumps({"sha256": hashes}))
    monkeypatch.setattr(doctor, "EMBEDDED", tmp_path)
    monkeypatch.setattr(doctor, "ASSETS", assets)
    return tmp_path


def states(checks, name):
    return [check.state for check in checks if name in check.name]


def test_doctor_compares_assets_with_their_card(embedded):
    assert states(doctor._assets(), "embedded") == ["good", "good"]
    (embedded / "b.bin").write_text("another")
    (embedded / "part" / "a.bin").unlink()
    checks = list(doctor._assets())
    assert states(checks, "embedded") == ["missing", "missing"]
    assert "no file" in checks[0].found
    assert "not that of its card" in checks[1].found


def test_doctor_wonders_about_assets_without_a_card(embedded):
    (embedded / "card.json").write_text("{}")
    assert states(doctor._assets(), "embedded") == ["odd", "odd"]


def test_doctor_names_wrong_and_missing_packages(monkeypatch):
    wanted = ["click", "numpy>=99", "no-such-package-at-all", 'other; python_version < "3"']
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: wanted)
    checks = list(doctor._packages())
    assert [(check.name, check.state) for check in checks] == [
        ("package numpy", "missing"),
        ("package no-such-package-at-all", "missing"),
    ]
    assert ">=99 is needed" in checks[0].found
    assert "make setup" in checks[1].remedy


def test_doctor_turns_a_broken_import_into_a_finding(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (check,) = doctor._guarded("device", doctor._device)
    assert check.state == "missing"
    assert "torch" in check.found


def test_doctor_tells_where_results_cannot_be_written(tmp_path, monkeypatch):
    assert states(doctor._results(tmp_path / "results"), "results") == ["good"]

    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    (check,) = doctor._results(tmp_path / "results")
    assert check.state == "missing"
    assert "Permission denied" in check.found


def test_doctor_advises_on_threads(monkeypatch):
    monkeypatch.setattr(doctor, "_cores", lambda: 2)
    for value, state in ((None, "odd"), ("1", "good"), ("2", "good"), ("8", "odd"), ("many", "odd")):
        if value is None:
            monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        else:
            monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert states(doctor._threads(), "threads") == [state]


def test_doctor_s_exit_code_says_whether_anything_is_missing(monkeypatch):
    good, gone = doctor.Check("python", "good", "3.11"), doctor.Check("device", "missing", "none", "buy one")
    for checks, code in (([good], 0), ([good, gone], 1)):
        monkeypatch.setattr(doctor, "examine", lambda checks=checks: checks)
        result = CliRunner().invoke(main, ["doctor"])
        assert result.exit_code == code
        assert json.loads(CliRunner().invoke(main, ["doctor", "--json"]).stdout)[0]["state"] == "good"
    assert "MISSING  device: none -> buy one" in result.stdout


def test_doctor_looks_at_this_installation():
    begin = time.monotonic()
    process = subprocess.run(
        [sys.executable, "-m", "lodestone", "doctor"], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in process.stdout + process.stderr
    assert process.returncode == int("MISSING" in process.stdout)
    for name in ("python", "packages", "device", "threads", "results"):
        assert f"{name}:" in process.stdout
    assert time.monotonic() - begin < 120
