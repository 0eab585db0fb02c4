"""The store of references at the size of a database."""

from __future__ import annotations

import os
from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, finish, limit_threads


@click.command()
@click.option("--crystals", default=1_000_000, show_default=True, help="Crystals of the made-up database.")
@click.option("--systems", default=100_000, show_default=True, help="Chemical systems of it, about.")
@click.option("--repeats", default=7, show_default=True, help="Fresh processes per query and way.")
@FOLDER
def references(crystals: int, systems: int, repeats: int, results: Path) -> None:
    """Build a store of references in a temporary folder (0.6 GB) and ask it, beside a full scan."""
    limit_threads(1)
    os.environ["POLARS_MAX_THREADS"] = "1"
    from benchmarks.references.report import tables
    from benchmarks.references.run import run

    finish("references", run(crystals=crystals, systems=systems, repeats=repeats), results, tables)


COMMANDS = (references,)
