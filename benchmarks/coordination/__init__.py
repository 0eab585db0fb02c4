"""The coordination term: loss and gradient, ours against the reference implementation."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, REFERENCE, finish, limit_threads


@click.command()
@REFERENCE
@click.option("--structures", default=1000, show_default=True, help="Cells of 20 atoms.")
@click.option(
    "--repeats", default=5, show_default=True, help="Timed calls of ours before and after, and of it."
)
@click.option("--threads", multiple=True, default=(1, 2), show_default=True, help="Threads of torch.")
@FOLDER
def coordination(
    reference: Path, structures: int, repeats: int, threads: tuple[int, ...], results: Path
) -> None:
    """Loss and gradient of the coordination term: ours against the reference implementation."""
    limit_threads(max(threads))
    from benchmarks.coordination.report import tables
    from benchmarks.coordination.run import run

    found = run(reference, structures=structures, repeats=repeats, threads=threads)
    finish("coordination", found, results, tables)


COMMANDS = (coordination,)
