"""What a structure that satisfies its constraint costs."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, THREADS, finish, limit_threads


@click.command()
@click.option("--structures", default=128, show_default=True, help="Structures per arm.")
@click.option("--steps", default=100, show_default=True, help="Denoising steps.")
@click.option("--constraints", multiple=True, help="Constraints of cases.yaml; default: all.")
@click.option("--arms", multiple=True, help="Arms of cases.yaml; default: all.")
@click.option("--seed", default=1, show_default=True, help="Seed of the samples.")
@THREADS
@FOLDER
def satisfying(
    structures: int, steps: int, constraints: tuple[str, ...], arms: tuple[str, ...], seed: int, threads: int,
    results: Path,
) -> None:  # fmt: skip
    """Cost of a satisfying, a persistent and a distinct persistent structure; resumes where it was."""
    limit_threads(threads)
    from benchmarks.satisfying.report import tables
    from benchmarks.satisfying.run import run

    found = run(
        structures=structures, steps=steps, constraints=constraints, arms=arms, threads=threads, seed=seed
    )
    finish("satisfying", found, results, tables)


COMMANDS = (satisfying,)
