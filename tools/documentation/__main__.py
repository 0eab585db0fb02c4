"""`python -m tools.documentation`: write the generated files below the current folder."""

from __future__ import annotations

import sys
from pathlib import Path

from lodestone.runtime.files import write_text
from tools.documentation import generated


def main(root: Path) -> None:
    """Write every generated file below `root`, and say which changed."""
    for name, text in generated().items():
        path = root / name
        same = path.is_file() and path.read_text(encoding="utf-8") == text
        print(f"{name}: {'unchanged' if same else 'written'}")
        write_text(path, text)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
