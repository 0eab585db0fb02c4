"""A column of a table: its type, its unit, what it means, and when it is empty."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lodestone.columns.names import Name

Schema = dict[str, pl.DataType]

ABOVE_HULL = "energy above the hull of the references; negative below it"
"""What e_above_hull means in every table."""


@dataclass(frozen=True)
class Column:
    """`missing` says when the cell is null; empty where it never is."""

    kind: pl.DataType
    meaning: str
    missing: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """A table of statistics: what a row stands for, and its columns in order."""

    row: str
    columns: dict[str, Column]

    @property
    def schema(self) -> Schema:
        """Name -> polars type."""
        return {name: column.kind for name, column in self.columns.items()}


def text(meaning: str, missing: str = "") -> Column:
    """A column of texts."""
    return Column(pl.String(), meaning, missing)


def flag(meaning: str, missing: str = "") -> Column:
    """A column of true and false."""
    return Column(pl.Boolean(), meaning, missing)


def count(meaning: str, missing: str = "") -> Column:
    """A column of whole numbers."""
    return Column(pl.Int64(), meaning, missing)


def place(meaning: str, missing: str = "") -> Column:
    """A column of small whole numbers that are no counts."""
    return Column(pl.Int32(), meaning, missing)


def number(meaning: str, missing: str = "", unit: str = "") -> Column:
    """A column of real numbers; without a unit it is a share, a ratio or a probability."""
    return Column(pl.Float64(), meaning, missing, unit)


def measured(name: Name, meaning: str, missing: str = "") -> dict[str, Column]:
    """A column of real numbers in the unit of its name, below that name."""
    return {name: number(meaning, missing, name.unit)}


def bounds(name: str, of: str, how: str, missing: str) -> dict[str, Column]:
    """The two bounds `<name>_low` and `<name>_high` of an interval at level 1 - alpha."""
    return {
        f"{name}_low": number(f"lower bound of {of}: {how}", missing),
        f"{name}_high": number(f"upper bound of {of}: {how}", missing),
    }
