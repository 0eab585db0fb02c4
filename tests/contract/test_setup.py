"""Which pinned list `make setup` takes, from what the driver reports."""

import os
import subprocess

import pytest


@pytest.fixture
def machine(root, tmp_path):
    """Call functions of envs/device.sh on a machine of this driver and cards; code, output, errors."""

    def call(command, driver=None, cards=(), module=None):
        script = tmp_path / "nvidia-smi"
        if driver:
            listed = "; ".join([*(f"echo {card}" for card in cards), "true"])
            asked = '[ "$1" = --query-gpu=driver_version ]'
            script.write_text(f"#!/bin/sh\nif {asked}; then echo {driver}; else {listed}; fi\n")
        else:
            script.write_text("#!/bin/sh\necho no driver >&2\nexit 9\n")
        script.chmod(0o755)
        file = tmp_path / "version"
        file.unlink(missing_ok=True)
        if module:
            file.write_text(f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {module}  Sat Aug 19\n")
        done = subprocess.run(
            ["bash", "-c", f"set -euo pipefail; . '{root}/envs/device.sh'; {command}"],
            capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "NVIDIA_VERSION_FILE": str(file)},
        )  # fmt: skip
        return done.returncode, done.stdout.strip(), done.stderr

    return call


@pytest.mark.parametrize(
    ("driver", "card", "chosen"),
    [
        ("580.65.06", "9.0", "cuda"),
        ("580.65.06", "", "cuda"),
        ("595.1", "7.5", "cuda"),
        ("580.65.06", "7.0", "cuda12"),
        ("579.99", "9.0", "cuda12"),
        ("535.104.05", "7.0", "cuda12"),
        ("525.60.13", "8.0", "cuda12"),
        ("600.1", "12.0", "cuda"),
        ("600.1", "10.3", "cuda"),
    ],
)
def test_the_list_is_that_of_the_driver_and_the_oldest_card(machine, driver, card, chosen):
    assert machine(f"list_for {driver} '{card}'") == (0, chosen, "")


@pytest.mark.parametrize(("driver", "card", "why"), [("470.82.01", "8.0", "525"), ("580.1", "6.1", "7.0")])
def test_what_no_list_serves_is_an_error_that_names_the_least(machine, driver, card, why):
    code, chosen, told = machine(f"list_for {driver} {card}")
    assert (code, chosen) == (1, "")
    assert why in told


def test_cuda_follows_the_driver_and_the_oldest_of_several_cards(machine):
    assert machine("chosen_list cuda", "580.1", ("9.0", "10.0"))[:2] == (0, "cuda")
    assert machine("chosen_list cuda", "580.1", ("10.0", "7.0"))[:2] == (0, "cuda12")
    assert machine("chosen_list cuda cuda", "535.1", ("8.0",))[:2] == (0, "cuda12")
    assert machine("chosen_list cuda", module="550.54.15")[:2] == (0, "cuda12")
    assert machine("chosen_list cuda", "470.1", ("8.0",))[0] == 1


def test_cuda_without_a_driver_is_cuda_13_or_what_was_chosen_before(machine):
    code, chosen, told = machine("chosen_list cuda")
    assert (code, chosen) == (0, "cuda")
    assert "make setup DEVICE=cuda12" in told
    assert machine("chosen_list cuda cuda12") == (0, "cuda12", "")
    assert machine("chosen_list cuda cpu")[:2] == (0, "cuda")


def test_auto_keeps_what_was_chosen_and_else_follows_the_driver(machine):
    assert machine("chosen_list auto")[:2] == (0, "cpu")
    assert machine("chosen_list auto cuda12") == (0, "cuda12", "")
    assert machine("chosen_list auto cpu", "580.1", ("9.0",)) == (0, "cpu", "")
    assert machine("chosen_list auto", "580.1", ("9.0",)) == (0, "cuda", "")
    code, chosen, told = machine("chosen_list auto", "470.1", ("8.0",))
    assert (code, chosen) == (0, "cpu")
    assert "too old" in told


def test_another_word_is_refused_before_anything_is_built(root, tmp_path):
    done = subprocess.run(
        [root / "envs" / "setup.sh", "rocm"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert "DEVICE is auto, cpu, cuda or cuda12, not 'rocm'" in done.stderr
