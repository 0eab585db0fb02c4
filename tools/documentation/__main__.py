"""Writes the generated pages and files: `python -m tools.documentation [PART] [FOLDER]`.

`reference` (the default) needs nothing but the package: config/default.yaml, config/schema.json and the
reference pages of docs/. `case-studies` writes the results of finished case studies into
docs/case-studies.md, `rehearsal` the figures of `make rehearsal` into docs/scaling.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lodestone.runtime.files import write_text
from tools.documentation import generated
from tools.documentation.case_studies import writing
from tools.rehearsal import page


def reference(root: Path) -> None:
    """Write every generated file below `root`, and say which changed."""
    for name, text in generated().items():
        path = root / name
        same = path.is_file() and path.read_text(encoding="utf-8") == text
        print(f"{name}: {'unchanged' if same else 'written'}")
        write_text(path, text)


PARTS = {"reference": reference, "case-studies": writing.main, "rehearsal": page.write}


def main() -> None:
    """Write one part."""
    parser = argparse.ArgumentParser(prog="python -m tools.documentation", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, default="reference")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(), help="the copy of Lodestone to write in"
    )
    given = parser.parse_args()
    PARTS[given.part](given.folder)


if __name__ == "__main__":
    main()
