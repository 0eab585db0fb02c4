"""The campaign that is bombarded: its processes, its jobs, its files."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl

from snakemake_executor_plugin_submitit.history import Record, jobs, newest

ROOT = Path(__file__).resolve().parents[2]
CAMPAIGN = """\
campaign: faults
chemical_system: Li-Co-O
sampling: {structures: 32, shard: 16, batch_size: 2, steps: 60, seed: 11, atoms: {max: 8}}
constraints:
  volume:
    terms: [{kind: volume_per_atom, target: 14.0}]
    satisfied_within: 1.0
guidance:
  strengths: [0.1]
  late: true
  particles: {count: 2, times: [0.3, 0.1], look_ahead: 0}
"""


SHARDS = 8


class Campaign:
    """One run of the campaign in a folder; on the cluster, or undisturbed on this machine."""

    def __init__(self, folder: Path, cluster: Any = None) -> None:
        self.folder, self.cluster = folder, cluster
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "faults.yaml").write_text(CAMPAIGN)
        self.results = folder / "results/faults"
        self.process: subprocess.Popen[bytes] | None = None
        self.runs = 0

    def start(self) -> None:
        """Start Snakemake, as a user would after whatever happened."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow/Snakefile")]
        command += ["--configfile", "faults.yaml", "--until", "sample", "--quiet", "progress"]
        profile = "local" if self.cluster is None else "slurm-test"
        command += ["--profile", str(ROOT / "profiles" / profile)]
        command += ["--retries", "20"] if self.cluster else []
        env = {**(self.cluster.env if self.cluster else os.environ), "OMP_NUM_THREADS": "1"}
        env["PYTHONPATH"] = str(ROOT / "src")
        with (self.folder / "snakemake.log").open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=env, stdout=log, stderr=log, start_new_session=True
            )
        self.runs += 1

    def over(self) -> int | None:
        """Exit code, once there is one."""
        return self.process.poll() if self.process else None

    def digests(self) -> dict[str, str]:
        """Hash of every finished shard."""
        files = sorted(self.results.glob("arms/*/samples/*.parquet"))
        return {str(f.relative_to(self.results)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}

    def structures(self) -> int:
        """Structures in the finished shards."""
        return sum(pl.read_parquet(f).height for f in self.results.glob("arms/*/samples/*.parquet"))

    def running(self) -> list[Record]:
        """Sampling jobs that have begun and not ended."""
        return [r for r in newest(jobs(self.folder / ".snakemake/submitit")) if r.state == "running"]

    def batches(self) -> list[Path]:
        """Finished batches of unfinished shards."""
        return sorted(self.results.glob("state/**/batch-*.parquet"))

    def samplers(self) -> list[int]:
        """Processes of the sampling script that belong to this folder."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    here = (entry / "cwd").resolve() == self.folder.resolve()
                except OSError:
                    continue
                if here and any(b"sample.py" in word for word in words) and b"python" in words[0]:
                    found.append(int(entry.name))
        return sorted(found)
