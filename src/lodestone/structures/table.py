"""The structure table: one row per crystal, in Parquet.

Columns: `id` (str), `numbers` (atomic numbers, list of int16, n_atoms), `cell` (rows are lattice
vectors in Å, nine float64 in row-major order), `frac` (fractional coordinates, list of 3·n_atoms
float64). Every other column is provenance or a result.

Tables can be written as tab-separated text too, in which a missing number is said in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.runtime.files import write_atomically, write_text

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

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


SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "numbers": pl.List(pl.Int16),
    "cell": pl.Array(pl.Float64, 9),
    "frac": pl.List(pl.Float64),
}


def from_arrays(
    ids: Sequence[str],
    numbers: Iterable[np.ndarray],
    cells: Iterable[np.ndarray],
    fracs: Iterable[np.ndarray],
) -> pl.DataFrame:
    """Build a structure table from per-structure arrays ((n_atoms,), (3, 3), (n_atoms, 3))."""
    return pl.DataFrame(
        {
            "id": list(ids),
            "numbers": [np.asarray(z).astype(int).tolist() for z in numbers],
            "cell": [np.asarray(c, dtype=float).reshape(9).tolist() for c in cells],
            "frac": [np.asarray(f, dtype=float).reshape(-1).tolist() for f in fracs],
        },
        schema=SCHEMA,
    )


def from_ase(ids: Sequence[str], structures: Sequence[Atoms]) -> pl.DataFrame:
    """Build a structure table from ASE atoms; fractional coordinates are kept unwrapped."""
    return from_arrays(
        ids,
        [a.numbers for a in structures],
        [np.asarray(a.cell) for a in structures],
        [a.get_scaled_positions(wrap=False) for a in structures],
    )


def arrays(row: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers (n_atoms,), cell (3, 3) in Å and fractional coordinates (n_atoms, 3) of a row."""
    return (
        np.asarray(row["numbers"], dtype=int),
        np.asarray(row["cell"], dtype=float).reshape(3, 3),
        np.asarray(row["frac"], dtype=float).reshape(-1, 3),
    )


def to_ase(table: pl.DataFrame) -> list[Atoms]:
    """Structures of a table as periodic ASE atoms, in row order."""
    from ase import Atoms

    return [
        Atoms(numbers=z, cell=c, scaled_positions=f, pbc=True)
        for z, c, f in map(arrays, table.select(list(SCHEMA)).iter_rows(named=True))
    ]


def to_pymatgen(table: pl.DataFrame) -> list[Structure]:
    """Structures of a table as pymatgen structures, in row order."""
    from pymatgen.core import Lattice, Structure

    return [
        Structure(Lattice(c), z, f)
        for z, c, f in map(arrays, table.select(list(SCHEMA)).iter_rows(named=True))
    ]


def write_table(table: pl.DataFrame, path: Path) -> None:
    """Write a table to Parquet (zstd), atomically."""
    write_atomically(path, lambda temporary: table.write_parquet(temporary, compression="zstd"))


def read_table(path: Path) -> pl.DataFrame:
    """Read a Parquet table."""
    return pl.read_parquet(path, glob=False, hive_partitioning=False)
