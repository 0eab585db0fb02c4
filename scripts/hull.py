"""Energies above the hull of all candidates and references, the hull's audit, the estimator's errors."""

from pathlib import Path
from typing import Any


def main(
    *,
    symmetrized: list[Path],
    energies: list[Path],
    references: Path,
    reference_energies: Path,
    settings: dict[str, Any],
    output: Path,
    audit: Path,
    estimator_error: Path,
) -> None:
    """Write the three tables; every candidate of every arm and every reference has its row."""
    import polars as pl

    from lodestone.energies.audit import hull_audit
    from lodestone.energies.errors import add_probability, estimator_errors
    from lodestone.energies.hull import hull_table, with_energies
    from lodestone.structures import table

    candidates = pl.concat(
        [
            with_energies(table.read_table(s), table.read_table(e))
            for s, e in zip(symmetrized, energies, strict=True)
        ]
    )
    known = with_energies(table.read_table(references), table.read_table(reference_energies))
    found = hull_table(candidates, known)
    table.write_table(add_probability(found, known), output)
    table.write_table(hull_audit(known, candidates, tuple(settings["elements"])), audit)
    table.write_table(estimator_errors(known), estimator_error)


if __name__ == "__main__":
    from lodestone.adapter import run

    run(main, globals())
