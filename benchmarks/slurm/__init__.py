"""The submitit executor beside the official SLURM plugin."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, finish, limit_threads


@click.command()
@click.option("--jobs", default=40, show_default=True, help="Jobs, all ready at once.")
@click.option("--limit", default=240.0, show_default=True, help="Seconds after which a way is given up.")
@click.option("--first", default=6, show_default=True, help="How many of the ways, in their order.")
@FOLDER
def slurm(jobs: int, limit: float, first: int, results: Path) -> None:
    """Calls of sbatch and wall time beside the official SLURM plugin, on the SLURM of the tests."""
    limit_threads(1)
    from benchmarks.slurm.report import tables
    from benchmarks.slurm.run import WAYS, run

    finish("slurm", run(jobs, limit, WAYS[:first]), results, tables)


COMMANDS = (slurm,)
