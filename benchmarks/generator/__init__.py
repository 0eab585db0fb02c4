"""Proposals of constraints: space groups found, and whether they are legal."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, finish, limit_threads
from benchmarks.shared.record import ROOT


@click.command()
@click.option("--held", default=4, show_default=True, help="Folds held out in turn, 1 to 4.")
@click.option("--proposals", default=10_000, show_default=True, help="Proposals of each generator.")
@click.option("--each", default=100, show_default=True, help="At most so many for one composition.")
@click.option("--built", default=300, show_default=True, help="Crystals built from them.")
@FOLDER
def generator(held: int, proposals: int, each: int, built: int, results: Path) -> None:
    """Space groups named by the generators of proposals, and whether they break a rule; resumes."""
    limit_threads(1)
    from benchmarks.generator.figure import draw
    from benchmarks.generator.report import tables
    from benchmarks.generator.run import run

    found = run(held=held, proposals=proposals, per_composition=each, built=built)
    written = finish("generator", found, results, tables)
    draw(written, ROOT / "docs" / "figures" / "proposals.svg")


COMMANDS = (generator,)
