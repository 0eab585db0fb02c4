"""Deduplication at the size of a campaign, and a trial with known answers."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, finish, limit_threads


@click.command()
@click.option("--structures", default=100_000, show_default=True, help="Structures of the first run.")
@click.option("--formulas", default=200, show_default=True, help="Formulas of the first run.")
@click.option("--processes", default=2, show_default=True, help="Processes of one thread each.")
@click.option("--repeats", default=7, show_default=True, help="Times that fingerprints are timed.")
@FOLDER
def duplicates(structures: int, formulas: int, processes: int, repeats: int, results: Path) -> None:
    """Deduplicate made-up structures, beside the formula as written; and a trial with known answers."""
    limit_threads(1)
    from benchmarks.duplicates.report import tables
    from benchmarks.duplicates.run import run

    sizes = [(structures, formulas), (max(1, structures // 10), formulas * 10)]
    finish("duplicates", run(sizes=sizes, processes=processes, repeats=repeats), results, tables)


COMMANDS = (duplicates,)
