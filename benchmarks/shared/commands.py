"""What the commands of the benchmarks have in common: options, threads, and how a run ends."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchmarks.shared.pages import Result, with_origin
from benchmarks.shared.record import RESULTS

FOLDER = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    help="Folder of the results.",
)
REFERENCE = click.option(
    "--reference",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="Checkout of the reference code.",
)
THREADS = click.option("--threads", default=1, show_default=True, help="Threads of torch.")


def limit_threads(threads: int) -> None:
    """Threads of every library, before any is loaded; and no progress bars inside of what is timed."""
    for library in ("OMP", "OPENBLAS", "MKL", "TF_NUM_INTRAOP", "TF_NUM_INTEROP"):
        name = f"{library}_THREADS" if library.startswith("TF") else f"{library}_NUM_THREADS"
        os.environ[name] = str(threads)
    os.environ |= {"TQDM_DISABLE": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}


def finish(name: str, found: dict[str, Any], results: Path, tables: Callable[[Result], str]) -> Result:
    """Write a result as JSON, atomically, and print the tables of what was written; returns it."""
    from lodestone.runtime.files import write_json

    target = results / f"{name}.json"
    write_json(target, found)
    written: Result = json.loads(target.read_text(encoding="utf-8"))
    click.echo(with_origin(tables, written))
    return written
