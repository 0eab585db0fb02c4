"""Energies of the symmetrised structures of one arm, by the campaign's estimator, unrelaxed."""

from pathlib import Path
from typing import Any

CHUNK = 256


def main(*, symmetrized: Path, screened: Path, settings: dict[str, Any], output: Path, state: Path) -> None:
    """Evaluate what passed the screening; the others keep their row, with the reason."""
    from lodestone.alone import alone
    from lodestone.energies.chunks import clear

    with alone(state, output) as needed:
        if needed:
            _evaluate(symmetrized, screened, settings, output, state)
            clear(state)


def _evaluate(symmetrized: Path, screened: Path, settings: dict[str, Any], output: Path, state: Path) -> None:
    import polars as pl

    from lodestone.energies.chunks import in_chunks
    from lodestone.energies.estimators import estimator_and_guards
    from lodestone.energies.evaluate import energies, with_unevaluated
    from lodestone.progress import reporter
    from lodestone.structures import table

    structures = table.read_table(symmetrized).select(list(table.SCHEMA))
    passed = table.read_table(screened).filter(pl.col("passed"))["id"].to_list()
    estimator, guards = estimator_and_guards(settings)
    found = in_chunks(
        structures.filter(pl.col("id").is_in(passed)),
        lambda rows: energies(rows, estimator, guards),
        size=CHUNK,
        state=state,
        key=settings,
        progress=reporter("energy", resumes=True),
    )
    table.write_table(with_unevaluated(found, structures["id"].to_list()), output)


if __name__ == "__main__":
    from lodestone.adapter import run

    run(main, globals())
