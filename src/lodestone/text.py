"""Words, numbers and columns as a reader wants them; guesses of what a misspelt word was meant to be."""

from __future__ import annotations

import difflib
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


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?`, or nothing where no known word is near."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f", did you mean {by_lower[near[0]]!r}?" if near else ""


UNDEFINED = "not defined"


def percent(value: float | None) -> str:
    """A share as a percentage; one decimal below 10 %."""
    if value is None:
        return UNDEFINED
    hundred = 100 * value
    return f"{hundred:.1f} %" if 0 < abs(hundred) < 9.95 else f"{hundred:.0f} %"


def percent_interval(low: float | None, high: float | None) -> str:
    """Both bounds of a share."""
    if low is None or high is None:
        return UNDEFINED
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def p_text(value: float | None) -> str:
    """A p-value: "p = 0.012", "p < 1e-12" or "p not defined"."""
    if value is None:
        return f"p {UNDEFINED}"
    if value < 1e-12:
        return "p < 1e-12"
    return f"p = {value:.2g}" if value < 0.995 else "p > 0.99"


def number(value: float | None, digits: int = 3, unit: str = "") -> str:
    """A number with `digits` decimals and its unit."""
    if value is None or value != value:  # noqa: PLR0124
        return UNDEFINED
    return f"{value:.{digits}f} {unit}".strip()
