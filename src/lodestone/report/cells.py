"""Tables of the page: a head and rows of cells with a text, a value to sort by and perhaps a link."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from lodestone.text import UNDEFINED

UNBROKEN = 40  # characters; a longer text may be wrapped


@dataclass(frozen=True)
class Cell:
    """One cell.

    `sort` orders the column (the text itself where it is None); `viewer` is a place in the table of all
    candidates, whose structure a button shows; `code` text is not wrapped; a row that begins with a `quiet`
    cell belongs to the one above.
    """

    text: str
    sort: float | None = None
    note: str = ""
    href: str | None = None
    download: str | None = None
    viewer: int | None = None
    code: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Column:
    """A column: its head and, where it needs one, an explanation."""

    head: str
    title: str = ""
    numeric: bool = False


@dataclass(frozen=True)
class View:
    """A table of the page."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    sortable: bool = True


def number_cell(value: float | None, digits: int = 3, missing: str = UNDEFINED) -> Cell:
    """A number, sortable by its full precision."""
    if value is None or value != value:  # noqa: PLR0124
        return Cell(missing)
    return Cell(f"{value:.{digits}f}", float(value))


def count_cell(value: int | None) -> Cell:
    """A whole number."""
    return Cell("" if value is None else str(value), None if value is None else float(value))


def flag_cell(*, value: bool | None) -> Cell:
    """Yes, no, or a dash where it is not known."""
    return Cell({True: "yes", False: "no", None: "–"}[value])


def plain_view(table: pl.DataFrame, heads: dict[str, str] | None = None, note: str = "") -> View:
    """Any table as it is; `heads` names columns and their units, columns that are all null are left out.

    Columns whose head ends with "%" hold fractions and are shown as percentages.
    """
    named = heads or {}
    kept = [c for c in table.columns if table.height == 0 or table[c].null_count() < table.height]
    columns = tuple(
        Column(named.get(c, c.replace("_", " ")), numeric=table.schema[c].is_numeric()) for c in kept
    )
    as_percent = [column.head.endswith("%") for column in columns]
    return View(columns, tuple(_cells(row, as_percent) for row in table.select(kept).rows()), note)


def rows_of(cells: Iterable[Sequence[Cell]]) -> tuple[tuple[Cell, ...], ...]:
    """Rows as tuples."""
    return tuple(tuple(row) for row in cells)


def _cells(row: Sequence[object], as_percent: Sequence[bool]) -> tuple[Cell, ...]:
    return tuple(
        Cell(f"{100 * v:.3g}", v) if p and isinstance(v, float) else _cell(v)
        for v, p in zip(row, as_percent, strict=True)
    )


def _cell(value: object) -> Cell:
    if value is None:
        return Cell("–")
    if isinstance(value, bool):
        return flag_cell(value=value)
    if isinstance(value, int):
        return count_cell(value)
    if isinstance(value, float):
        return Cell(f"{value:.4g}", value) if value == value else Cell(UNDEFINED)  # noqa: PLR0124
    return Cell(str(value), code=len(str(value)) < UNBROKEN)
