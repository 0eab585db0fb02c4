"""What every result says about itself: machine, threads, versions, date, command; and where it lies."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
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


def save(name: str, result: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Write a result as JSON and as Markdown, atomically; return the Markdown file."""
    from benchmarks.report import markdown

    from lodestone.runtime.files import write_json, write_text

    write_json(folder / f"{name}.json", result)
    target = folder / f"{name}.md"
    write_text(target, markdown(name, result))
    return target


def limit_threads(threads: int) -> None:
    """Threads of every library, before any is loaded; and no progress bars inside of what is timed."""
    for library in ("OMP", "OPENBLAS", "MKL", "TF_NUM_INTRAOP", "TF_NUM_INTEROP"):
        name = f"{library}_THREADS" if library.startswith("TF") else f"{library}_NUM_THREADS"
        os.environ[name] = str(threads)
    os.environ |= {"TQDM_DISABLE": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}


def finish(name: str, found: dict[str, Any], results: Path) -> None:
    """Save a result and print its tables."""
    import click

    target = save(name, found, results)
    click.echo(target.read_text(encoding="utf-8"))
