"""Steering by Python functions."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, finish, limit_threads
from benchmarks.shared.record import ROOT


@click.command()
@click.option("--structures", default=128, show_default=True, help="Structures per arm and seed.")
@click.option("--seeds", multiple=True, default=(201, 202), show_default=True, help="Seeds of the samples.")
@click.option("--steps", default=100, show_default=True, help="Denoising steps.")
@click.option("--relax/--no-relax", default=True, show_default=True, help="Relax what satisfies.")
@FOLDER
def functions(structures: int, seeds: tuple[int, ...], steps: int, *, relax: bool, results: Path) -> None:
    """Steering by Python functions against gradients and rejection, at equal network passes; resumes."""
    limit_threads(1)
    from benchmarks.functions.figure import draw
    from benchmarks.functions.report import tables
    from benchmarks.functions.run import run

    found = run(structures=structures, seeds=seeds, steps=steps, relax=relax)
    written = finish("functions", found, results, tables)
    draw(written, ROOT / "docs" / "figures" / "functions.svg")


COMMANDS = (functions,)
