"""What every result says about itself: machine, threads, versions, date, command; and where it lies."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = ("lodestone", "torch", "mattergen", "numpy", "tensorflow-cpu")


def machine(threads: int) -> dict[str, Any]:
    """CPU model, cores, load, threads of torch, versions."""
    from lodestone.workflow.record import versions

    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "torch_threads": threads,
        "load_at_end": round(os.getloadavg()[0], 2),
        "versions": {k: v for k, v in versions().items() if k in {"python", *PACKAGES}},
    }


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Name of the processor."""
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def provenance(threads: int) -> dict[str, Any]:
    """The header of a result."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "machine": machine(threads),
    }
