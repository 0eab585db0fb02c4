"""Look every representative up among the references, source after source."""

import sys
from functools import partial
from pathlib import Path

from lodestone.curation.settings import NoveltySettings


def main(
    *, symmetrized: Path, duplicates: Path, references: Path, settings: NoveltySettings, output: Path
) -> None:
    """Write one row per structure, in the same order."""
    from lodestone.curation.novelty import novelty_table
    from lodestone.curation.settings import similarity
    from lodestone.references.table import read_references
    from lodestone.runtime.processes import granted
    from lodestone.runtime.progress import reporter
    from lodestone.structures.table import read_table, write_table

    found = novelty_table(
        read_table(symmetrized),
        read_table(duplicates),
        read_references(references),
        similarity(settings.deduplicate, settings.threshold),
        order=settings.references,
        progress=reporter("novelty"),
        processes=granted(),
        tell=partial(print, "novelty:", file=sys.stderr, flush=True),
    )
    write_table(found, output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
