"""Energies of the reference structures by the campaign's estimator, so that both sides share its errors."""

from pathlib import Path
from typing import Any

CHUNK = 256


def main(*, references: Path, settings: dict[str, Any], output: Path, state: Path) -> None:
    """Evaluate every reference; what cannot be evaluated keeps its row, with the reason."""
    from lodestone.alone import alone
    from lodestone.energies.chunks import clear

    with alone(state, output) as needed:
        if needed:
            _evaluate(references, settings, output, state)
            clear(state)


def _evaluate(references: Path, settings: dict[str, Any], output: Path, state: Path) -> None:
    from lodestone.energies.chunks import in_chunks
    from lodestone.energies.estimators import estimator_and_guards
    from lodestone.energies.evaluate import energies
    from lodestone.progress import reporter
    from lodestone.structures import table

    estimator, guards = estimator_and_guards(settings)
    found = in_chunks(
        table.read_table(references).select(list(table.SCHEMA)),
        lambda rows: energies(rows, estimator, guards),
        size=CHUNK,
        state=state,
        key=settings,
        progress=reporter("reference_energy", resumes=True),
    )
    table.write_table(found, output)


if __name__ == "__main__":
    from lodestone.adapter import run

    run(main, globals())
