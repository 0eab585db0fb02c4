"""Find the same structure among the screened ones, and one representative of each."""

from pathlib import Path
from typing import Any


def main(*, symmetrized: Path, screened: Path, settings: dict[str, Any], output: Path) -> None:
    """Write one row per structure, in the same order."""
    from lodestone.curation.duplicates import duplicates_table
    from lodestone.curation.settings import similarity
    from lodestone.progress import reporter
    from lodestone.structures.table import read_table, write_table

    found = duplicates_table(
        read_table(symmetrized),
        read_table(screened),
        similarity(settings),
        progress=reporter("deduplicate"),
    )
    write_table(found, output)


if __name__ == "__main__":
    from lodestone.adapter import run

    run(main, globals())
