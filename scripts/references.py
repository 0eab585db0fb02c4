"""Gather the known crystals of the campaign's chemical system from its sources."""

import sys
from pathlib import Path
from typing import Any


def main(*, settings: dict[str, Any], output: Path) -> None:
    """Write one table of references, source after source."""
    from lodestone.curation.settings import elements_of
    from lodestone.references.store import gather
    from lodestone.structures.table import write_table

    found = gather(settings["references"], elements_of(settings["chemical_system"]))
    counts = dict(found.group_by("source", maintain_order=True).len().iter_rows())
    for source in settings["references"]:
        print(f"references: {counts.get(source, 0)} from {source}", file=sys.stderr)
    write_table(found, output)


if __name__ == "__main__":
    from lodestone.adapter import run

    run(main, globals())
