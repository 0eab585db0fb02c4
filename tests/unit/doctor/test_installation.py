import json
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from lodestone.cli import main
from lodestone.doctor import installation as doctor
from lodestone.runtime import gpu


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
    (check,) = doctor.guarded("device", doctor._device)
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
    gpu = doctor.Check("GPU", "missing", "none", "set it up", exit_code=doctor.NO_GPU)
    for checks, code in (([good], 0), ([good, gpu, gone], 2), ([good, gone], 1)):
        monkeypatch.setattr(doctor, "examine", lambda checks=checks: iter(checks))
        result = CliRunner().invoke(main, ["doctor"])
        assert result.exit_code == code
        assert json.loads(CliRunner().invoke(main, ["doctor", "--json"]).stdout)[0]["state"] == "good"
    assert "MISSING  device: none -> buy one" in result.stdout


@pytest.mark.slow
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


CUDA = gpu.Sight("2.13.0", "13.0", usable=False, driver="535.1", files=1)


@pytest.mark.parametrize(
    ("said", "sight", "state", "told"),
    [
        ("", gpu.Sight("2.13.0+cpu", None, usable=False), "good", "no GPU on this machine"),
        ("", gpu.Sight("2.13.0+cpu", None, usable=False, driver="580.1"), "odd", "built without CUDA"),
        ("", CUDA, "odd", "driver 535.1 is too old"),
        ("cpu", CUDA, "good", "LODESTONE_DEVICE=cpu"),
        ("cuda", CUDA, "missing", "asks for a GPU, but NVIDIA's driver 535.1 is too old"),
    ],
)
def test_doctor_tells_why_a_gpu_of_this_machine_is_of_no_use(monkeypatch, said, sight, state, told):
    monkeypatch.setenv("LODESTONE_DEVICE", said)
    monkeypatch.setattr(gpu, "look", lambda: sight)
    (check,) = doctor._device()
    assert check.state == state
    assert told in check.found
    assert check.exit_code == (2 if state == "missing" else 1)
