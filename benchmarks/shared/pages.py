"""Tables in Markdown, and the pages of docs/ on which those of a result stand between its marks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Result = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where tables of a result stand: a page of docs/, between marks.

    The marks have the name of the result where they have no own one.
    """

    result: str
    page: str
    tables: Callable[[Result], str]
    own_mark: str | None = None

    @property
    def mark(self) -> str:
        """Name of the marks."""
        return self.own_mark or self.result

    def update(self, docs: Path, result: Result) -> None:
        """Write the tables and the origin of a result between the marks."""
        from lodestone.runtime.files import write_text

        page = docs / self.page
        text = between(page.read_text(encoding="utf-8"), self.mark, with_origin(self.tables, result))
        write_text(page, text)


def update(docs: Path, results: Path, places: Iterable[Place]) -> dict[str, list[str]]:
    """Write every result that there is to its places; returns the marks filled, by page."""
    filled: dict[str, list[str]] = {}
    for place in places:
        path = results / f"{place.result}.json"
        if path.is_file():
            place.update(docs, json.loads(path.read_text(encoding="utf-8")))
            filled.setdefault(place.page, []).append(place.mark)
    return filled


def with_origin(tables: Callable[[Result], str], result: Result) -> str:
    """The tables of a result, and machine, date and command."""
    return f"{tables(result)}\n\n{origin(result)}\n"


def between(text: str, name: str, table: str) -> str:
    """The text with what stands between the marks of `name` replaced.

    Raises:
        ValueError: the marks are not there once.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    changed, n = pattern.subn(lambda _: f"{begin}\n\n{table}\n{end}", text)
    if n != 1:
        raise ValueError(f"the marks {begin} and {end} stand there {n} times, not once")
    return changed


def origin(result: Result) -> str:
    """Where the figures come from."""
    machine = result["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items())
    return (
        f"{result['date']}; {machine['cpu']}, {machine['cores']} cores, torch threads: "
        f"{machine['torch_threads']}, load at the end {machine['load_at_end']:g}; {versions}. "
        f"`{result['command']}`"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column is left, all others right aligned."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)])


def interval(values: Sequence[float]) -> str:
    """A value and its interval."""
    return "{:.3g} ({:.3g} to {:.3g})".format(*values)


def number(value: float | None) -> str:
    """A value, or a dash where there is none."""
    return "–" if value is None else f"{value:g}"
