"""Which way of steering finds crystals that keep the property."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, finish, limit_threads
from benchmarks.shared.record import ROOT


@click.command()
@click.option("--plan", default="confirm", show_default=True, help="Plan of steering.yaml.")
@click.option("--processes", default=2, show_default=True, help="Jobs side by side, one thread each.")
@FOLDER
def steering(plan: str, processes: int, results: Path) -> None:
    """Which steering finds crystals that keep the property, by arm, seed and checkpoint; resumes."""
    limit_threads(1)
    from benchmarks.steering.report import tables
    from benchmarks.steering.run import run

    finish(f"steering-{plan}", run(plan, processes), results, tables)


@click.command()
def figures() -> None:
    """The figures of docs/guidance.md, from the structures of `steering --plan confirm`."""
    limit_threads(1)
    from benchmarks.steering.figure import draw

    for target in draw(ROOT / "docs" / "figures"):
        click.echo(str(target.relative_to(ROOT)))


COMMANDS = (steering, figures)
