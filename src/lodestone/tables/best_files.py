"""The folder of the best candidates: a CIF each, and all of them in one extended XYZ file."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from lodestone.files import write_text
from lodestone.structures.table import to_ase, to_pymatgen
from lodestone.tables.candidates import structures_of
from lodestone.tables.export import cif, extxyz, file_name

Row = dict[str, Any]


def write_best(candidates: pl.DataFrame, rows: Sequence[Row], folder: Path) -> list[Row]:
    """Write `folder` anew; returns the rows with `cif` (file name) and `cif_check` ("ok" or what differs).

    `rows` are those of `statistics.summary.best_rows`, best first.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    order = pl.DataFrame({"id": [row["id"] for row in rows]}, schema={"id": pl.String})
    structures = order.join(structures_of(candidates, "sym"), on="id", how="left", maintain_order="left")
    extended: list[Row] = []
    for row, structure in zip(rows, to_pymatgen(structures), strict=True):
        name = file_name(row["best_rank"], row["formula"], row["space_group"])
        written = cif(structure, row["space_group"], name)
        write_text(folder / written.name, written.text)
        extended.append(row | {"cif": written.name, "cif_check": written.check})
    labels = [_scalars(row) for row in extended]
    write_text(folder / "best.extxyz", extxyz(to_ase(structures), labels))
    return extended


def _scalars(row: Row) -> Row:
    return {k: v for k, v in row.items() if isinstance(v, str | int | float)}
