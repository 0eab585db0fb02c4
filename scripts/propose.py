"""Propose space groups and Wyckoff positions for the compositions of an arm, ranked."""

from pathlib import Path

from lodestone.columns import Col
from lodestone.workflow.script_settings import ProposeSettings

NO_GENERATOR: list[Path] = []  # the proposals follow the prototypes of the references


def main(
    *, settings: ProposeSettings, references: Path, output: Path, generator: list[Path] = NO_GENERATOR
) -> str:
    """Write the table of proposals; `generator` holds the weights of a learned one."""
    from lodestone.structures.formulas import formula_of
    from lodestone.structures.table import read_table, write_table
    from lodestone.wyckoff.generator import proposals_for
    from lodestone.wyckoff.learned.generator import load
    from lodestone.wyckoff.prototypes import Prototypes

    proposer = load(generator[0]) if generator else Prototypes(read_table(references))
    found = proposals_for(
        proposer, settings.compositions, settings.proposals, settings.space_groups, settings.seed
    )
    write_table(found, output)
    without = [f for f in map(formula_of, settings.compositions) if f not in found[Col.FORMULA].to_list()]
    note = f"; none for {', '.join(without)}: no positions add up to it" if without else ""
    return f"{len(found)} proposals in {found[Col.SPACE_GROUP].n_unique()} space groups{note}"


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
