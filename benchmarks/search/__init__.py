"""Minima found against calls of the potential."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, finish, limit_threads
from benchmarks.shared.record import ROOT


@click.command()
@click.option(
    "--case",
    "cases",
    multiple=True,
    default=("LiCoO2", "Li2Co2O4", "Co2P2", "Co2P2-chgnet"),
    show_default=True,
    help="Cases of search/cases.py.",
)
@click.option("--seeds", default=20, show_default=True, help="Runs of every method on a case.")
@click.option("--processes", default=1, show_default=True, help="Runs side by side, one thread each.")
@FOLDER
def search(cases: tuple[str, ...], seeds: int, processes: int, results: Path) -> None:
    """Minima found against calls of the potential: gss, diffusion and relaxation, rss; resumes."""
    limit_threads(1)
    from benchmarks.search.figure import draw
    from benchmarks.search.report import PLACES, tables
    from benchmarks.search.run import run

    found = run(cases=cases, seeds=seeds, processes=processes)
    written = finish("search", found, results, tables)
    for place in PLACES:
        place.update(ROOT / "docs", written)
    draw(written, ROOT / "docs" / "figures" / "search-coverage.svg")


COMMANDS = (search,)
