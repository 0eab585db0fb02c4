"""Batched GRACE beside the package's own calculator; a large hull."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, finish, limit_threads


@click.command()
@click.option("--structures", default=256, show_default=True, help="Structures of each mix of sizes.")
@click.option("--repeats", default=7, show_default=True, help="Times that every way is timed.")
@click.option("--batch-size", default=32, show_default=True, help="energy.batch_size of a campaign.")
@click.option("--references", default=100_000, show_default=True, help="Entries of the hull.")
@click.option("--candidates", default=50_000, show_default=True, help="Candidates against it.")
@FOLDER
def energies(
    structures: int, repeats: int, batch_size: int, references: int, candidates: int, results: Path
) -> None:
    """Batched GRACE beside the package's own calculator, structure by structure; and a large hull."""
    limit_threads(1)
    from benchmarks.energies.report import tables
    from benchmarks.energies.run import run

    found = run(structures, repeats, batch_size, threads=1, hull=(references, candidates))
    finish("energies", found, results, tables)


COMMANDS = (energies,)
