"""`python -m benchmarks`: ratios from one run; each command writes benchmarks/results/ and prints it.

Every folder beside this file that is a package is a benchmark, but `shared`: its `COMMANDS` are added to the
command line, and the `PLACES` of its `report` say where its tables stand in docs/.
"""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

from benchmarks.shared.commands import FOLDER, REFERENCE
from benchmarks.shared.pages import Place, update
from benchmarks.shared.record import ROOT


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Measure what guidance costs; docs/benchmarks.md says how and shows the last results."""


def names() -> list[str]:
    """The benchmarks, by the names of their folders."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in found if module.ispkg and module.name != "shared")


def places() -> Iterator[Place]:
    """Where the tables of every benchmark stand."""
    for name in names():
        yield from import_module(f"benchmarks.{name}.report").PLACES


@main.command()
@FOLDER
def report(results: Path) -> None:
    """Put the tables of the last results into docs/benchmarks.md."""
    filled = update(ROOT / "docs", results, places())
    for page, marks in sorted(filled.items()):
        click.echo(f"docs/{page}: {', '.join(marks)}")
    if not filled:
        click.echo("no results yet")


@main.command(name="all")
@REFERENCE
def everything(reference: Path) -> None:
    """All three at their full sizes, each in a process of its own, and the report."""
    for arguments in (
        ["coordination", "--reference", str(reference.resolve())],
        ["step"],
        ["satisfying"],
        ["report"],
    ):
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks", *arguments]
        subprocess.run(command, check=True, cwd=ROOT)


for _name in names():
    for _command in import_module(f"benchmarks.{_name}").COMMANDS:
        main.add_command(_command)

if __name__ == "__main__":
    main()
