"""Assemble the embedded reference set from its relaxed chunks."""

from __future__ import annotations

import argparse
from pathlib import Path


def main(chunks: list[Path], output: Path, retrieved: str) -> None:
    """Read every chunk and write the reference table."""
    import polars as pl

    from lodestone.structures.table import read_table, write_table
    from training.references.assembly import reference_table

    found = pl.concat([read_table(path) for path in sorted(chunks)])
    write_table(reference_table(found, retrieved), output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chunks", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--retrieved", required=True, help="date of the relaxations, YYYY-MM-DD")
    a = parser.parse_args()
    main(a.chunks, a.output, a.retrieved)
