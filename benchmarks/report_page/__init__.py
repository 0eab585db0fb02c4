"""The report of a large campaign."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, finish, limit_threads
from benchmarks.shared.record import ROOT


@click.command()
@click.option("--structures", default=1000, show_default=True, help="Structures of each of the five arms.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / "results" / "report-page",
    help="Where the campaign is made, or lies from an earlier run.",
)
@FOLDER
def report_page(structures: int, folder: Path, results: Path) -> None:
    """Report of five arms of imported structures: time to build, size, and how it feels in a browser."""
    limit_threads(1)
    from benchmarks.report_page.report import tables
    from benchmarks.report_page.run import run

    finish("report_page", run(structures, folder), results, tables)


COMMANDS = (report_page,)
