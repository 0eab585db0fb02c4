"""A guided denoising step over a step of upstream's own sampler."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, THREADS, finish, limit_threads


@click.command()
@click.option("--case", default="co_o_4", show_default=True, help="Constraint of cases.yaml.")
@click.option("--structures", default=32, show_default=True, help="Structures per batch.")
@click.option("--steps", default=100, show_default=True, help="Denoising steps of a whole run.")
@click.option("--repeats", default=9, show_default=True, help="Times that every alternative is timed.")
@THREADS
@FOLDER
def step(case: str, structures: int, steps: int, repeats: int, threads: int, results: Path) -> None:
    """Time of a guided denoising step over a step of upstream's own sampler."""
    limit_threads(threads)
    from benchmarks.step.report import tables
    from benchmarks.step.run import run

    found = run(case, structures=structures, steps=steps, repeats=repeats, threads=threads)
    finish("step", found, results, tables)


COMMANDS = (step,)
