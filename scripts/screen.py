"""Mark which structures go on, and name every reason against the others."""

from pathlib import Path
from typing import Any


def main(*, symmetrized: Path, settings: dict[str, Any], output: Path) -> None:
    """Write one row per structure, in the same order."""
    from lodestone.curation.screening import screening_table
    from lodestone.curation.settings import screen_limits
    from lodestone.structures.table import read_table, write_table

    write_table(screening_table(read_table(symmetrized), screen_limits(settings)), output)


if __name__ == "__main__":
    from lodestone.adapter import run

    run(main, globals())
