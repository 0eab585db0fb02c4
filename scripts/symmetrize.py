"""Standardise every sample: primitive cell, space group, how far that moved it."""

from pathlib import Path

from lodestone.config.sections.curation import Symmetrize

CHUNK = 8000


def main(*, samples: list[Path], settings: Symmetrize, output: Path, state: Path) -> None:
    """Write one row per sample, in the order of the shards; finished chunks survive in `state`."""
    from lodestone.runtime.checkpoints import clear
    from lodestone.runtime.locks import alone

    with alone(state, output) as needed:
        if needed:
            _symmetrize(samples, settings, output, state)
            clear(state)


def _symmetrize(samples: list[Path], settings: Symmetrize, output: Path, state: Path) -> None:
    from functools import partial

    import polars as pl

    from lodestone.curation.symmetry import symmetry_table
    from lodestone.runtime.checkpoints import in_chunks
    from lodestone.runtime.processes import by_rows, granted
    from lodestone.runtime.progress import reporter
    from lodestone.structures.table import read_table, write_table

    given = pl.concat([read_table(path) for path in samples], how="vertical_relaxed")
    work = partial(symmetry_table, symprec=settings.symprec, max_displacement=settings.max_displacement)
    found = in_chunks(
        given,
        lambda rows: by_rows(work, rows, processes=granted()),
        size=CHUNK,
        state=state,
        key=settings.model_dump(mode="json"),
        progress=reporter("symmetrize", resumes=True),
    )
    write_table(found, output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
