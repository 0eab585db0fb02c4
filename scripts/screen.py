"""Mark which structures go on, and name every reason against the others."""

from pathlib import Path

from lodestone.curation.settings import ScreenSettings


def main(*, symmetrized: Path, settings: ScreenSettings, output: Path) -> None:
    """Write one row per structure, in the same order."""
    from functools import partial

    from lodestone.curation.screening import screening_table
    from lodestone.curation.settings import screen_limits
    from lodestone.runtime.processes import by_rows, granted
    from lodestone.runtime.progress import reporter
    from lodestone.structures.table import read_table, write_table

    work = partial(screening_table, limits=screen_limits(settings))
    rows = read_table(symmetrized)
    write_table(by_rows(work, rows, processes=granted(), progress=reporter("screen")), output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
