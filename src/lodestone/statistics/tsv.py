"""Tables as tab-separated text, in which a missing number is said in words."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from lodestone.runtime.files import write_text
from lodestone.structures.table import write_table

MISSING_NUMBER = "not defined"


def to_tsv(table: pl.DataFrame) -> str:
    """Tab-separated text with a header; null and non-finite numbers read "not defined", other nulls "-"."""
    lines = ["\t".join(table.columns)]
    lines += ["\t".join(_cell(v, t) for v, t in zip(row, table.dtypes, strict=True)) for row in table.rows()]
    return "\n".join(lines) + "\n"


def write_both(table: pl.DataFrame, path: Path) -> None:
    """Write a table beside `path` as Parquet and as tab-separated text, both atomically."""
    write_table(table, path.with_suffix(".parquet"))
    write_text(path.with_suffix(".tsv"), to_tsv(table))


def _cell(value: object, dtype: pl.DataType) -> str:
    if value is None:
        return MISSING_NUMBER if dtype.is_numeric() or dtype == pl.Boolean() else "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        finite = value == value and abs(value) != float("inf")  # noqa: PLR0124
        return f"{value:.10g}" if finite else MISSING_NUMBER
    return " ".join(str(value).split())
