"""Find the same structure among the screened ones, and one representative of each."""

import sys
from functools import partial
from pathlib import Path

from lodestone.curation.settings import DeduplicateSettings


def main(
    *, symmetrized: Path, screened: Path, settings: DeduplicateSettings, output: Path, state: Path
) -> None:
    """Write one row per structure, in the same order; finished parts survive in `state`."""
    from lodestone.runtime.checkpoints import clear
    from lodestone.runtime.locks import alone

    with alone(state, output) as needed:
        if needed:
            _deduplicate(symmetrized, screened, settings, output, state)
            clear(state)


def _deduplicate(
    symmetrized: Path, screened: Path, settings: DeduplicateSettings, output: Path, state: Path
) -> None:
    from lodestone.curation.duplicates import duplicates_table
    from lodestone.curation.settings import similarity
    from lodestone.runtime.processes import granted
    from lodestone.runtime.progress import reporter
    from lodestone.structures.table import read_table, write_table

    found = duplicates_table(
        read_table(symmetrized),
        read_table(screened),
        similarity(settings, settings.threshold),
        progress=reporter("deduplicate", resumes=True),
        processes=granted(),
        tell=partial(print, "deduplicate:", file=sys.stderr, flush=True),
        state=state,
    )
    write_table(found, output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
