"""The end of a run says what was not tested and how to test it; the longest tests begin first."""

import os
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_without_a_browser_the_summary_names_what_was_skipped_and_the_command(root):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slurm"]
    process = subprocess.run(
        [*command, "tests/browser/test_report_opens.py"],
        cwd=root, env={**os.environ, "PATH": "/nowhere"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout
    before, _, told = process.stdout.partition("NOT TESTED")
    assert " skipped in " in before  # so it is the last that is said
    assert "tests: the report in a browser, skipped (no Chromium" in told
    assert "apt-get install --no-install-recommends chromium" in told
    assert "a real SLURM, left out: make test-slurm" in told


def test_the_files_that_come_first_exist(root, request):
    (conftest,) = (
        plugin
        for plugin in request.config.pluginmanager.get_plugins()
        if getattr(plugin, "__file__", None) == str(root / "tests/conftest.py")
    )
    assert all((root / "tests/workflow" / name).is_file() for name in conftest.LONGEST)
    assert conftest.untested([], "") == []
    assert conftest.untested(["Skipped: no reason"] * 2, "") == ["2 tests: skipped: no reason"]
