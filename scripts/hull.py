"""Energies above the hull of all candidates and references, the hull's audit, the estimator's errors."""

from pathlib import Path

from lodestone.workflow.script_settings import HullSettings

NONE: list[Path] = []  # there is one estimator


def main(
    *,
    symmetrized: list[Path],
    energies: list[Path],
    references: Path,
    reference_energies: Path,
    settings: HullSettings,
    output: Path,
    audit: Path,
    estimator_error: Path,
    other_energies: list[Path] = NONE,
    other_reference_energies: list[Path] = NONE,
    agreement: list[Path] = NONE,
    hulls: list[Path] = NONE,
) -> None:
    """Write the tables; every candidate of every arm and every reference has its row.

    `energies` are those of the judge. Where `settings` has `others`, `other_energies` has the tables of
    all arms by the first of them, then by the next, and `hulls` gets a hull of each; `agreement` names
    two tables: how far they agree, and where they do not. Texts are written beside these.
    """
    from lodestone.energies.hull_stage import compare, read_side
    from lodestone.structures.table import write_both, write_table

    judge = read_side(symmetrized, energies, references, reference_energies)
    size, found = len(symmetrized), judge.hull
    others = {
        key: read_side(symmetrized, other_energies[i * size : (i + 1) * size], references, by)
        for i, (key, by) in enumerate(zip(settings.others, other_reference_energies, strict=True))
    }
    if others:
        found, agreed, worst = compare(judge, others)
        write_both(agreed, agreement[0])
        write_both(worst, agreement[1])
        for side, path in zip(others.values(), hulls, strict=True):
            write_table(side.hull, path)
    write_table(found, output)
    write_table(judge.audit(settings.elements), audit)
    write_table(judge.error, estimator_error)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
