"""Take structures from elsewhere as the raw samples of an arm."""

import sys
from pathlib import Path

from lodestone.workflow.script_settings import ImportSettings


def main(*, settings: ImportSettings, output: Path) -> None:
    """Write one row per structure of the file or folder; one that cannot be read is marked as failed."""
    from lodestone.runtime.progress import reporter
    from lodestone.structures.files import UnknownFormatError
    from lodestone.structures.imported import NothingToImportError, imported
    from lodestone.structures.table import write_table

    path, arm = Path(settings.structures), settings.arm
    try:
        found = imported(path, settings.campaign, arm, reporter(f"import {arm}"))
    except (NothingToImportError, UnknownFormatError) as error:
        raise SystemExit(str(error)) from error
    failed = found["failed"].sum()
    print(f"import {arm}: {found.height} structures from {path}, {failed} not readable", file=sys.stderr)
    write_table(found, output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
