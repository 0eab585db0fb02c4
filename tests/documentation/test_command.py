"""`make case-studies`: every study has its turn, and one that fails is named at the end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tools.documentation.case_studies import NAMES

ROOT = Path(__file__).resolve().parents[2]
FAKE = """\
#!/bin/bash
echo "$(basename "$0") $*" >> {calls}
[[ "$*" != *{failing}* ]]
"""


@pytest.fixture
def make(tmp_path):
    """Runs the command with programs that only note their calls; returns its process and the calls."""

    def run(failing):
        calls = tmp_path / "calls"
        for name in ("snakemake", "python"):
            program = tmp_path / name
            program.write_text(FAKE.format(calls=calls, failing=failing))
            program.chmod(0o755)
        command = ["make", "--old-file", "setup", "case-studies", f"BIN={tmp_path}"]
        process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return process, calls.read_text().splitlines()

    return run


def test_all_five_run_on_the_embedded_model_and_the_page_is_written(make):
    process, calls = make("nothing")
    assert process.returncode == 0, process.stderr
    expected = [
        f"snakemake --configfile config/{name}.yaml --config variant=embedded --profile profiles/local"
        for name in NAMES
    ]
    assert calls == [*expected, "python -m tools.documentation case-studies"]


def test_a_study_that_fails_stops_no_other_and_is_named(make):
    process, calls = make("li-co-o")
    assert process.returncode != 0
    assert "not finished: li-co-o\n" in process.stderr
    assert len(calls) == len(NAMES) + 1
