"""Words, numbers and columns as a reader wants them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def columns(rows: Sequence[Sequence[str]], *, right: Iterable[int]) -> str:
    """Rows of cells as aligned columns, some of them to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    numbers = set(right)
    lines = (
        "  ".join(
            c.rjust(w) if i in numbers else c.ljust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
