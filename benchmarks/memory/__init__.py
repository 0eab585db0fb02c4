"""The most memory that one large structure takes, by estimator."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, finish, limit_threads


@click.command()
@FOLDER
def memory(results: Path) -> None:
    """The most memory that a structure of 20 to 420 atoms takes, each in a fresh process."""
    limit_threads(1)
    from benchmarks.memory.report import tables
    from benchmarks.memory.run import run

    finish("memory", run(), results, tables)


COMMANDS = (memory,)
