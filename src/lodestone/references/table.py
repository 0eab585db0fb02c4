"""The table of references: its columns, reading, checking, and what lies inside a system."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import polars as pl

from lodestone.columns import Col
from lodestone.references.source import ReferenceSourceError
from lodestone.structures import table

SCHEMA: dict[str, pl.DataType] = {
    **table.SCHEMA,
    Col.FORMULA: pl.String(),  # reduced
    "chemical_system": pl.String(),  # sorted symbols joined by "-"
    "source": pl.String(),
    "source_id": pl.String(),  # the source's own; `id` is "<source>/<source_id>"
    Col.ENERGY_PER_ATOM: pl.Float64(),  # the source's own, eV/atom; null where it gives none
    Col.E_ABOVE_HULL: pl.Float64(),  # the source's own, eV/atom; null where it gives none
    "licence": pl.String(),
    "retrieved": pl.String(),  # ISO date
}
OPTIONAL = (Col.ENERGY_PER_ATOM, Col.E_ABOVE_HULL)


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
        a number is not finite, an `id` is repeated or is not "<source>/<source_id>", numbers and
        positions do not agree, or the chemical system is not that of the atoms.
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
    return references.filter(inside(elements))


def inside(elements: Collection[str]) -> pl.Expr:
    """Whether `chemical_system` holds none but these elements."""
    parts = pl.col("chemical_system").str.split("-")
    outside = parts.list.set_difference(pl.lit(sorted(set(elements)), dtype=pl.List(pl.String)))
    return outside.list.len() == 0


def systems_of(numbers: pl.Series) -> pl.Series:
    """Chemical system of each row (n,) from its atomic numbers; null where one is no element."""
    from ase.data import chemical_symbols

    symbols = pl.DataFrame({"number": range(1, len(chemical_symbols)), "symbol": chemical_symbols[1:]})
    each = pl.DataFrame({"number": numbers.list.unique().cast(pl.List(pl.Int64))}).with_row_index("row")
    named = each.explode("number").join(symbols, on="number", how="left").sort("row", "symbol")
    joined = named.group_by("row").agg(pl.col("symbol").str.join("-", ignore_nulls=False))
    every = each.select("row").join(
        joined, on="row", how="left", maintain_order="left"
    )  # those without atoms
    return every["symbol"]


def _faults(references: pl.DataFrame) -> dict[str, pl.Series]:
    """Rows that are wrong (n_references,), by what is wrong with them."""
    required = [c for c in SCHEMA if c not in OPTIONAL]
    prefixed = pl.col("source") + "/" + pl.col("source_id")
    n_atoms = pl.col("numbers").list.len()
    energies = [pl.col(c).is_finite().fill_null(value=True) for c in OPTIONAL]
    finite = pl.all_horizontal(
        pl.col("frac").list.eval(pl.element().is_finite()).list.all(),
        pl.col("cell").arr.to_list().list.eval(pl.element().is_finite()).list.all(),
        *energies,
    )
    wrong = {
        "values missing in rows": pl.any_horizontal(pl.col(c).is_null() for c in required),
        "no atoms in rows": n_atoms == 0,
        "positions do not fit the atoms in rows": pl.col("frac").list.len() != 3 * n_atoms,
        "numbers are not finite in rows": ~finite,
        "ids are not source/source_id": pl.col("id") != prefixed,
        "ids are repeated": pl.col("id").is_duplicated(),
    }
    found = references.select(e.fill_null(value=True).alias(name) for name, e in wrong.items())
    system = systems_of(references["numbers"])
    other = (references["chemical_system"] != system).fill_null(value=True)
    return {**found.to_dict(), "the chemical system is not that of the atoms in rows": other}
