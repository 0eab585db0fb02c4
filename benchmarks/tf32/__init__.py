"""What TF32 in the network's dense layers does to samples, emulated on a CPU."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, THREADS, finish, limit_threads


@click.command()
@click.option("--case", default="co_o_4", show_default=True, help="Constraint of cases.yaml.")
@click.option("--unguided", default=256, show_default=True, help="Structures of a side without guidance.")
@click.option("--guided", default=128, show_default=True, help="Structures of a side with guidance.")
@click.option("--steps", default=50, show_default=True, help="Denoising steps.")
@THREADS
@FOLDER
def tf32(case: str, unguided: int, guided: int, steps: int, threads: int, results: Path) -> None:
    """Samples with the products of dense layers rounded as TF32 rounds them, over those of float32."""
    limit_threads(threads)
    from benchmarks.tf32.report import tables
    from benchmarks.tf32.run import run

    found = run(case, {"unguided": unguided, "guided": guided}, steps=steps, threads=threads)
    finish("tf32", found, results, tables)


COMMANDS = (tf32,)
