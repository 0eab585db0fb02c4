"""Forty trivial jobs on the test SLURM: the submitit executor beside the official plugin, in one run.

The official plugin lives in an environment of its own, since it asks the controller at every import. What
is counted are calls of SLURM's commands by Snakemake's main process; a way that has not ended after a time
limit is killed and says so.
"""

from __future__ import annotations

import getpass
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.shared.record import ROOT, provenance

OFFICIAL = "snakemake-executor-plugin-slurm==2.8.0"
ENVIRONMENT = ROOT / "work" / "official-slurm-plugin"
COUNTED = ("sbatch", "squeue", "sacct", "scontrol", "scancel")
SNAKEFILE = """\
rule all:
    input: expand("out/{i}", i=range(int(config["number"])))
rule one:
    output: "out/{i}"
    resources: mem_mb=100, runtime=5
    shell: "sleep 1; touch {output}"
"""


@dataclass(frozen=True)
class Way:
    """One way to run the same jobs."""

    title: str
    arguments: tuple[str, ...]
    official: bool = True


SUBMITIT = ("--executor", "submitit", "--seconds-between-status-checks", "2")
SQUEUE = ("--executor", "slurm", "--slurm-status-command", "squeue")
WAYS = (
    Way("submitit", SUBMITIT, official=False),
    Way("slurm plugin, status by squeue", SQUEUE),
    Way("slurm plugin, arrays, status by squeue", (*SQUEUE, "--slurm-array-jobs=all")),
    Way("submitit, --jobs 10", SUBMITIT, official=False),
    Way("slurm plugin, arrays, status by squeue, --jobs 10", (*SQUEUE, "--slurm-array-jobs=all")),
    Way("slurm plugin as it comes (status by sacct)", ("--executor", "slurm")),
)


def run(jobs: int, limit: float, ways: Sequence[Way] = WAYS) -> dict[str, Any]:
    """Every way once, one after the other, on the same cluster."""
    sys.path.append(str(ROOT / "tests" / "slurm"))
    from cluster import Cluster  # type: ignore[import-not-found]

    peer, cluster, rows = official_environment(), Cluster(), []
    with cluster.in_use(), found_by_default(cluster.conf):
        for way in ways:
            cluster.wait_idle()
            rows.append(_timed(way, cluster, peer, jobs, limit))
            print(rows[-1], file=sys.stderr, flush=True)
    return provenance(1) | {
        "jobs": jobs,
        "limit": limit,
        "rows": rows,
        "official": OFFICIAL,
        "slurm": cluster_version(),
    }


def official_environment(folder: Path = ENVIRONMENT) -> Path:
    """The Python of an environment with this Snakemake and the official plugin; made where it is not there.

    Raises:
        RuntimeError: it cannot be installed; the message is pip's.
    """
    python = folder / "bin" / "python"
    wanted = [f"snakemake=={version('snakemake')}", OFFICIAL]
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", *wanted], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{OFFICIAL} cannot be installed: {done.stderr.strip()[-500:]}")
    return python


@contextmanager
def found_by_default(conf: Path, default: Path = Path("/etc/slurm/slurm.conf")) -> Iterator[None]:
    """Put the cluster where SLURM looks first: the official plugin hides SLURM_CONF from its jobs.

    Raises:
        RuntimeError: this machine has a SLURM of its own, or the place cannot be written.
    """
    try:
        if default.is_symlink() and default.readlink() == conf:  # of a run that was killed
            default.unlink()
        default.parent.mkdir(parents=True, exist_ok=True)
        default.symlink_to(conf)
    except OSError as error:
        raise RuntimeError(f"the official plugin needs {default} for the test cluster: {error}") from error
    try:
        yield
    finally:
        default.unlink()


def cluster_version() -> str:
    """What SLURM says of itself."""
    return subprocess.run(["sinfo", "--version"], capture_output=True, text=True, check=False).stdout.strip()


def _timed(way: Way, cluster: Any, peer: Path, jobs: int, limit: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Snakefile").write_text(SNAKEFILE)
        calls = cluster.counted(folder)
        most = "10" if "--jobs 10" in way.title else str(max(100, jobs))
        command = [str(peer if way.official else sys.executable), "-m", "snakemake", *way.arguments]
        command += ["--jobs", most, "--workflow-profile", "none", "--config", f"number={jobs}"]
        begin, ended = time.monotonic(), True
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=folder, env=calls.env, stdout=log, stderr=log)
            try:
                process.wait(limit)
            except subprocess.TimeoutExpired:
                ended = False
                process.kill()
                process.wait()
        seconds = time.monotonic() - begin
        own = {name: calls.count(name) for name in COUNTED}
        if not ended:
            cluster.run("scancel", "--user", getpass.getuser())
        made = len(list((folder / "out").glob("*")))
        return {"way": way.title, "seconds": seconds, "ended": ended, "made": made, "calls": own}
