"""What every test shares: one thread per process, quiet libraries, the repository's root."""

import os
import subprocess
import sys
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

# Drawing examples is slow on a busy machine, which is no fault of a test.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

ROOT = Path(__file__).resolve().parents[1]


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
