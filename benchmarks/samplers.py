"""The commands of `python -m benchmarks` about other samplers, proposals and Python functions."""

from __future__ import annotations

from pathlib import Path

import click
from benchmarks.record import ROOT, finish, limit_threads

RESULTS = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(__file__).parent / "results",
    help="Folder of the results.",
)
FIGURES = ROOT / "docs" / "figures"


@click.command()
@click.option("--structures", default=128, show_default=True, help="Structures per arm and seed.")
@click.option("--seeds", multiple=True, default=(201, 202), show_default=True, help="Seeds of the samples.")
@click.option("--steps", default=100, show_default=True, help="Denoising steps.")
@click.option("--relax/--no-relax", default=True, show_default=True, help="Relax what satisfies.")
@RESULTS
def functions(structures: int, seeds: tuple[int, ...], steps: int, *, relax: bool, results: Path) -> None:
    """Steering by Python functions against gradients and rejection, at equal network passes; resumes."""
    limit_threads(1)
    from benchmarks.functions import run
    from benchmarks.functions_figure import draw

    found = run(structures=structures, seeds=seeds, steps=steps, relax=relax)
    finish("functions", found, results)
    draw(found, FIGURES / "functions.svg")


@click.command()
@click.option("--held", default=4, show_default=True, help="Folds held out in turn, 1 to 4.")
@click.option("--proposals", default=10_000, show_default=True, help="Proposals of each generator.")
@click.option("--each", default=100, show_default=True, help="At most so many for one composition.")
@click.option("--built", default=300, show_default=True, help="Crystals built from them.")
@RESULTS
def generator(held: int, proposals: int, each: int, built: int, results: Path) -> None:
    """Space groups named by the generators of proposals, and whether they break a rule; resumes."""
    limit_threads(1)
    from benchmarks.generator import run
    from benchmarks.generator_report import draw

    found = run(held=held, proposals=proposals, per_composition=each, built=built)
    finish("generator", found, results)
    draw(found, FIGURES / "proposals.svg")


@click.command()
@click.option(
    "--case",
    "cases",
    multiple=True,
    default=("LiCoO2", "Li2Co2O4", "Co2P2", "Co2P2-chgnet"),
    show_default=True,
    help="Cases of search.py.",
)
@click.option("--seeds", default=20, show_default=True, help="Runs of every method on a case.")
@click.option("--processes", default=1, show_default=True, help="Runs side by side, one thread each.")
@RESULTS
def search(cases: tuple[str, ...], seeds: int, processes: int, results: Path) -> None:
    """Minima found against calls of the potential: gss, diffusion and relaxation, rss; resumes."""
    limit_threads(1)
    from benchmarks.search import run
    from benchmarks.search_report import publish

    found = run(cases=cases, seeds=seeds, processes=processes)
    finish("search", found, results)
    publish(found, ROOT / "docs")


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
@RESULTS
def strict(each: int, plain: int, steered: int, steps: int, ways: tuple[str, ...], results: Path) -> None:
    """Space group and formula kept strictly, and guidance inside the symmetric subspace; resumes."""
    limit_threads(1)
    from benchmarks.strict import run
    from benchmarks.strict_figure import draw

    found = run(each=each, plain=plain, steered=steered, steps=steps, ways=ways)
    finish("strict", found, results)
    draw(found, FIGURES / "symmetry.svg")


COMMANDS = (functions, generator, search, strict)
