"""Space group and formula kept strictly."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, finish, limit_threads
from benchmarks.shared.record import ROOT


@click.command()
@click.option("--each", default=24, show_default=True, help="Structures per space group and way.")
@click.option("--plain", default=64, show_default=True, help="Plain samples.")
@click.option("--steered", default=96, show_default=True, help="Structures of each guided arm.")
@click.option("--steps", default=100, show_default=True, help="Denoising steps.")
@click.option(
    "--way",
    "ways",
    multiple=True,
    default=("gradient",),
    show_default=True,
    type=click.Choice(["gradient", "particles"]),
    help="Ways of guidance.",
)
@FOLDER
def strict(each: int, plain: int, steered: int, steps: int, ways: tuple[str, ...], results: Path) -> None:
    """Space group and formula kept strictly, and guidance inside the symmetric subspace; resumes."""
    limit_threads(1)
    from benchmarks.strict.figure import draw
    from benchmarks.strict.report import tables
    from benchmarks.strict.run import run

    found = run(each=each, plain=plain, steered=steered, steps=steps, ways=ways)
    written = finish("strict", found, results, tables)
    draw(written, ROOT / "docs" / "figures" / "symmetry.svg")


COMMANDS = (strict,)
