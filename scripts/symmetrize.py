"""Standardise every sample: primitive cell, space group, how far that moved it."""

from pathlib import Path
from typing import Any


def main(*, samples: list[Path], settings: dict[str, Any], output: Path) -> None:
    """Write one row per sample, in the order of the shards."""
    import polars as pl

    from lodestone.curation.symmetry import symmetry_table
    from lodestone.progress import reporter
    from lodestone.structures.table import read_table, write_table

    table = pl.concat([read_table(path) for path in samples], how="vertical_relaxed")
    found = symmetry_table(
        table,
        symprec=settings["symprec"],
        max_displacement=settings["max_displacement"],
        progress=reporter("symmetrize"),
    )
    write_table(found, output)


if __name__ == "__main__":
    from lodestone.adapter import run

    run(main, globals())
