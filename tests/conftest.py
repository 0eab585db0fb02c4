"""What every test shares: one thread per process, quiet libraries, the order, what was not tested."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before any numerical library is imported: the tests run side by side.
for variable in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# A potential is compiled for every shape, which takes seconds where the tests compute for milliseconds: a
# compiler that does less takes half of them. The demonstration, the benchmarks and users run without this.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

# Drawing examples is slow on a busy machine, which is no fault of a test.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

ROOT = Path(__file__).resolve().parents[1]
LONGEST = (
    "test_campaign.py",
    "test_samplers.py",
    "test_imported_arm.py",
    "test_reruns.py",
    "test_dry_run.py",
)
"""Files of tests/workflow that run campaigns: begun last, one of them would keep a single core busy."""
MISSING = {
    "no Chromium": ("the report in a browser", "apt-get install --no-install-recommends chromium"),
    "no SLURM": ("a real SLURM", "make test-slurm, as root on Debian"),
    "no disk can be mounted": ("a full disk", "run the tests where disks can be mounted (root)"),
}
"""Beginnings of the reasons of skipped tests: what they test, and what lets them run."""
LEFT_OUT = {
    "not slurm": "a real SLURM, left out: make test-slurm",
    "not slow": "what is marked slow, left out: make test, or the same without `not slow`",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then the rest of the workflow; `--no-loadscope-reorder` keeps the order."""

    def place(item: pytest.Item) -> int:
        if item.path.parent != ROOT / "tests" / "workflow":
            return len(LONGEST) + 1
        return LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST)

    items.sort(key=place)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say plainly, as the very last, what was not tested, and what it takes to test it."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or hasattr(config, "workerinput"):
        return
    reasons = [report.longrepr[2] for report in terminal.stats.get("skipped", [])]
    told = untested(reasons, config.getoption("markexpr"))
    if told:
        terminal.section("NOT TESTED", sep="=", yellow=True, bold=True)
    for line in told:
        terminal.line(line, yellow=True, bold=True)


def untested(reasons: list[str], marks: str) -> list[str]:
    """One line per kind of tests that did not run: of the reasons of the skipped ones, and of `-m`."""
    found: Counter[str] = Counter()
    for reason in reasons:
        text = reason.removeprefix("Skipped: ")
        kind = next((kind for kind in MISSING if text.startswith(kind)), None)
        what, how = MISSING.get(kind or "", (text, ""))
        found[f"{what}, skipped ({text.splitlines()[0]}): {how}" if how else f"skipped: {what}"] += 1
    lines = [f"{n} test{'s' * (n != 1)}: {line}" for line, n in found.items()]
    return lines + [line for mark, line in LEFT_OUT.items() if mark in marks]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def tracked(root: Path) -> list[Path]:
    """Files that are or would be in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [root / name for name in sorted(set(listed.split("\0"))) if name and (root / name).is_file()]


@pytest.fixture(scope="session")
def snakemake(root: Path):
    """Call Snakemake as a user does, with the workflow of `house`, in `folder`; returns the process.

    The library of `house` is used too, so that a copy is a whole of its own.
    """

    def call(
        folder: Path, *arguments: object, house: Path = root, profiles: bool = True, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(house / "workflow" / "Snakefile")]
        local = ["--profile", str(house / "profiles" / "local")]
        command += local if profiles else ["--workflow-profile", "none", "--cores", "1"]
        return subprocess.run(
            [*command, *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(house / "src")},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return call
