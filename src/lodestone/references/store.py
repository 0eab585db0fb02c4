"""The table of references: its columns, reading, checking, and what lies inside a system."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from lodestone.references.registry import find_source
from lodestone.references.source import ReferenceSourceError
from lodestone.structures import table

SCHEMA: dict[str, pl.DataType] = {
    **table.SCHEMA,
    "formula": pl.String(),  # reduced
    "chemical_system": pl.String(),  # sorted symbols joined by "-"
    "source": pl.String(),
    "source_id": pl.String(),  # the source's own; `id` is "<source>/<source_id>"
    "energy_per_atom": pl.Float64(),  # the source's own, eV/atom; null where it gives none
    "e_above_hull": pl.Float64(),  # the source's own, eV/atom; null where it gives none
    "licence": pl.String(),
    "retrieved": pl.String(),  # ISO date
}
OPTIONAL = ("energy_per_atom", "e_above_hull")


def read_references(path: Path) -> pl.DataFrame:
    """Read and check a table of references.

    Raises:
        ReferenceSourceError: it cannot be read or is not a table of references; names the file.
    """
    try:
        return checked(table.read_table(path))
    except (OSError, pl.exceptions.PolarsError, ReferenceSourceError) as error:
        msg = f"{path}: {error}"
        raise ReferenceSourceError(msg) from error


def checked(references: pl.DataFrame) -> pl.DataFrame:
    """The table with exactly the columns of `SCHEMA`, in that order.

    Raises:
        ReferenceSourceError: a column is missing or of another type, a value is null that may not be,
        an `id` is repeated or is not "<source>/<source_id>", or numbers and positions do not agree.
    """
    missing = [c for c in SCHEMA if c not in references.columns]
    if missing:
        msg = f"missing columns: {', '.join(missing)}"
        raise ReferenceSourceError(msg)
    try:
        found = references.select(pl.col(c).cast(kind) for c, kind in SCHEMA.items())
    except pl.exceptions.PolarsError as error:
        msg = f"a column is not of its type: {error}"
        raise ReferenceSourceError(msg) from error
    for name, bad in _faults(found).items():
        if bad.any():
            msg = f"{name}: {found['id'].filter(bad).to_list()[:3]}"
            raise ReferenceSourceError(msg)
    return found


def within_system(references: pl.DataFrame, elements: Collection[str]) -> pl.DataFrame:
    """The references of a chemical system and of all its sub-systems, in their order."""
    parts = pl.col("chemical_system").str.split("-")
    outside = parts.list.set_difference(pl.lit(sorted(set(elements)), dtype=pl.List(pl.String)))
    return references.filter(outside.list.len() == 0)


def gather(names: Sequence[str], elements: Collection[str]) -> pl.DataFrame:
    """References of a system from sources, in the order of `names`, checked.

    Raises:
        ReferenceSourceError: a source is unknown, cannot be read, or gives a wrong table.
    """
    tables = [checked(find_source(name).load(elements)) for name in names]
    return checked(pl.concat([pl.DataFrame(schema=SCHEMA), *tables]))


def _faults(references: pl.DataFrame) -> dict[str, pl.Series]:
    """Rows that are wrong (n_references,), by what is wrong with them."""
    required = [c for c in SCHEMA if c not in OPTIONAL]
    prefixed = pl.col("source") + "/" + pl.col("source_id")
    n_atoms = pl.col("numbers").list.len()
    return {
        name: references.select(expression.fill_null(value=True).alias("bad"))["bad"]
        for name, expression in {
            "values missing in rows": pl.any_horizontal(pl.col(c).is_null() for c in required),
            "no atoms in rows": n_atoms == 0,
            "positions do not fit the atoms in rows": pl.col("frac").list.len() != 3 * n_atoms,
            "ids are not source/source_id": pl.col("id") != prefixed,
            "ids are repeated": pl.col("id").is_duplicated(),
        }.items()
    }
