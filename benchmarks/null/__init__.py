"""How often strength 0 is called a success."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, finish, limit_threads


@click.command()
@click.option("--repeats", default=50, show_default=True, help="Pairs of arms.")
@click.option("--structures", default=64, show_default=True, help="Structures per arm.")
@click.option("--steps", default=10, show_default=True, help="Denoising steps.")
@click.option("--processes", default=2, show_default=True, help="Pairs side by side, one thread each.")
@FOLDER
def null(repeats: int, structures: int, steps: int, processes: int, results: Path) -> None:
    """How often guidance of strength 0 is called a success."""
    limit_threads(1)
    from benchmarks.null.report import tables
    from benchmarks.null.run import run

    found = run(repeats=repeats, structures=structures, steps=steps, processes=processes)
    finish("null", found, results, tables)


COMMANDS = (null,)
