"""`python -m benchmarks`: ratios from one run; each command writes benchmarks/results/ and prints it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
from benchmarks.record import ROOT, finish, limit_threads
from benchmarks.samplers import COMMANDS, RESULTS

THREADS = click.option("--threads", default=1, show_default=True, help="Threads of torch.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Measure what guidance costs; docs/benchmarks.md says how and shows the last results."""


@main.command()
@click.option(
    "--reference",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="Checkout of the reference code.",
)
@click.option("--structures", default=1000, show_default=True, help="Cells of 20 atoms.")
@click.option(
    "--repeats", default=5, show_default=True, help="Timed calls of ours before and after, and of it."
)
@click.option("--threads", multiple=True, default=(1, 2), show_default=True, help="Threads of torch.")
@RESULTS
def coordination(
    reference: Path, structures: int, repeats: int, threads: tuple[int, ...], results: Path
) -> None:
    """Loss and gradient of the coordination term: ours against the reference implementation."""
    limit_threads(max(threads))
    from benchmarks.coordination import run

    found = run(reference, structures=structures, repeats=repeats, threads=threads)
    finish("coordination", found, results)


@main.command()
@click.option("--case", default="co_o_4", show_default=True, help="Constraint of cases.yaml.")
@click.option("--structures", default=32, show_default=True, help="Structures per batch.")
@click.option("--steps", default=100, show_default=True, help="Denoising steps of a whole run.")
@click.option("--repeats", default=9, show_default=True, help="Times that every alternative is timed.")
@THREADS
@RESULTS
def step(case: str, structures: int, steps: int, repeats: int, threads: int, results: Path) -> None:
    """Time of a guided denoising step over a step of upstream's own sampler."""
    limit_threads(threads)
    from benchmarks.step import run

    found = run(case, structures=structures, steps=steps, repeats=repeats, threads=threads)
    finish("step", found, results)


@main.command()
@click.option("--structures", default=128, show_default=True, help="Structures per arm.")
@click.option("--steps", default=100, show_default=True, help="Denoising steps.")
@click.option("--constraints", multiple=True, help="Constraints of cases.yaml; default: all.")
@click.option("--arms", multiple=True, help="Arms of cases.yaml; default: all.")
@click.option("--seed", default=1, show_default=True, help="Seed of the samples.")
@THREADS
@RESULTS
def satisfying(
    structures: int, steps: int, constraints: tuple[str, ...], arms: tuple[str, ...], seed: int, threads: int,
    results: Path,
) -> None:  # fmt: skip
    """Cost of a satisfying, a persistent and a distinct persistent structure; resumes where it was."""
    limit_threads(threads)
    from benchmarks.satisfying import run

    found = run(
        structures=structures, steps=steps, constraints=constraints, arms=arms, threads=threads, seed=seed
    )
    finish("satisfying", found, results)


@main.command()
@click.option("--plan", default="confirm", show_default=True, help="Plan of steering.yaml.")
@click.option("--processes", default=2, show_default=True, help="Jobs side by side, one thread each.")
@RESULTS
def steering(plan: str, processes: int, results: Path) -> None:
    """Which steering finds crystals that keep the property, by arm, seed and checkpoint; resumes."""
    limit_threads(1)
    from benchmarks.steering import run

    finish(f"steering-{plan}", run(plan, processes), results)


@main.command()
@click.option("--repeats", default=50, show_default=True, help="Pairs of arms.")
@click.option("--structures", default=64, show_default=True, help="Structures per arm.")
@click.option("--steps", default=10, show_default=True, help="Denoising steps.")
@click.option("--processes", default=2, show_default=True, help="Pairs side by side, one thread each.")
@RESULTS
def null(repeats: int, structures: int, steps: int, processes: int, results: Path) -> None:
    """How often guidance of strength 0 is called a success."""
    limit_threads(1)
    from benchmarks.null import run

    found = run(repeats=repeats, structures=structures, steps=steps, processes=processes)
    finish("null", found, results)


@main.command()
@click.option("--jobs", default=40, show_default=True, help="Jobs, all ready at once.")
@click.option("--limit", default=240.0, show_default=True, help="Seconds after which a way is given up.")
@click.option("--first", default=6, show_default=True, help="How many of the ways, in their order.")
@RESULTS
def slurm(jobs: int, limit: float, first: int, results: Path) -> None:
    """Calls of sbatch and wall time beside the official SLURM plugin, on the SLURM of the tests."""
    limit_threads(1)
    from benchmarks.slurm import WAYS, run

    finish("slurm", run(jobs, limit, WAYS[:first]), results)


@main.command()
@click.option("--crystals", default=1_000_000, show_default=True, help="Crystals of the made-up database.")
@click.option("--systems", default=100_000, show_default=True, help="Chemical systems of it, about.")
@click.option("--repeats", default=7, show_default=True, help="Fresh processes per query and way.")
@RESULTS
def references(crystals: int, systems: int, repeats: int, results: Path) -> None:
    """Build a store of references in a temporary folder (0.6 GB) and ask it, beside a full scan."""
    limit_threads(1)
    os.environ["POLARS_MAX_THREADS"] = "1"
    from benchmarks.references import run

    finish("references", run(crystals=crystals, systems=systems, repeats=repeats), results)


@main.command()
@click.option("--structures", default=1000, show_default=True, help="Structures of each of the five arms.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / "results" / "report-page",
    help="Where the campaign is made, or lies from an earlier run.",
)
@RESULTS
def report_page(structures: int, folder: Path, results: Path) -> None:
    """Report of five arms of imported structures: time to build, size, and how it feels in a browser."""
    limit_threads(1)
    from benchmarks.report_page import run

    finish("report_page", run(structures, folder), results)


@main.command()
@click.option("--structures", default=100_000, show_default=True, help="Structures of the first run.")
@click.option("--formulas", default=200, show_default=True, help="Formulas of the first run.")
@click.option("--processes", default=2, show_default=True, help="Processes of one thread each.")
@click.option("--repeats", default=7, show_default=True, help="Times that fingerprints are timed.")
@RESULTS
def duplicates(structures: int, formulas: int, processes: int, repeats: int, results: Path) -> None:
    """Deduplicate made-up structures, beside the formula as written; and a trial with known answers."""
    limit_threads(1)
    from benchmarks.duplicates import run

    sizes = [(structures, formulas), (max(1, structures // 10), formulas * 10)]
    finish("duplicates", run(sizes=sizes, processes=processes, repeats=repeats), results)


@main.command()
@click.option("--structures", default=256, show_default=True, help="Structures of each mix of sizes.")
@click.option("--repeats", default=7, show_default=True, help="Times that every way is timed.")
@click.option("--batch-size", default=32, show_default=True, help="energy.batch_size of a campaign.")
@click.option("--references", default=100_000, show_default=True, help="Entries of the hull.")
@click.option("--candidates", default=50_000, show_default=True, help="Candidates against it.")
@RESULTS
def energies(
    structures: int, repeats: int, batch_size: int, references: int, candidates: int, results: Path
) -> None:
    """Batched GRACE beside the package's own calculator, structure by structure; and a large hull."""
    limit_threads(1)
    from benchmarks.energies import run

    found = run(structures, repeats, batch_size, threads=1, hull=(references, candidates))
    finish("energies", found, results)


@main.command()
def figures() -> None:
    """The figures of docs/guidance.md, from the structures of `steering --plan confirm`."""
    limit_threads(1)
    from benchmarks.figures import draw

    for target in draw(ROOT / "docs" / "figures"):
        click.echo(str(target.relative_to(ROOT)))


@main.command()
@RESULTS
def report(results: Path) -> None:
    """Put the tables of the last results into docs/benchmarks.md."""
    from benchmarks.pages import update_pages
    from benchmarks.report import update

    target = ROOT / "docs" / "benchmarks.md"
    click.echo(f"{target.relative_to(ROOT)}: {', '.join(update(target, results)) or 'no results yet'}")
    for page in update_pages(ROOT / "docs", results):
        click.echo(f"docs/{page}")
    confirmed = results / "steering-confirm.json"
    if confirmed.is_file():
        from benchmarks.summary import update as summarise

        guide = ROOT / "docs" / "guidance.md"
        summarise(guide, confirmed)
        click.echo(f"{guide.relative_to(ROOT)}: summary")


@main.command(name="all")
@click.option(
    "--reference",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="Checkout of the reference code.",
)
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


for command in COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    main()
