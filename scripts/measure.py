"""Measure the constraints and the validity of every raw sample of an arm."""

from pathlib import Path

from lodestone.constraints.settings import MeasureSettings

NO_HULL: list[Path] = []  # no term needs one


def main(*, samples: list[Path], settings: MeasureSettings, output: Path, hull: list[Path] = NO_HULL) -> None:
    """Write one row per structure, in the same order.

    `hull` holds the references and their energies, where a term needs them.
    """
    import polars as pl

    from lodestone.constraints.context import context_of
    from lodestone.constraints.measurement import measure_table
    from lodestone.structures.table import read_table, write_table

    raw = pl.concat([read_table(path) for path in samples])
    given = settings.params()
    write_table(measure_table(raw, given["constraints"], context_of(given, hull)), output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
