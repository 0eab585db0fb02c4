"""The folder of the best candidates: CIF, extended XYZ, VASP inputs, and a page on what they are."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from lodestone.files import write_text
from lodestone.handoff.vasp import VaspInput, vasp_input
from lodestone.statistics.candidates import structures_of
from lodestone.structures.export import cif, extxyz, file_name
from lodestone.structures.table import to_ase, to_pymatgen
from lodestone.tables.best_readme import readme

if TYPE_CHECKING:
    from pymatgen.core import Structure

Row = dict[str, Any]


def write_best(candidates: pl.DataFrame, summary: Mapping[str, Any], folder: Path) -> list[Row]:
    """Write `folder` anew; returns the summary's best rows with what was written of each.

    `cif` is the name of its file, `cif_check` "ok" or what differs, `vasp` its folder; null where there
    is none, then `vasp_missing` says why.
    """
    rows: Sequence[Row] = summary["best"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    order = pl.DataFrame({"id": [row["id"] for row in rows]}, schema={"id": pl.String})
    structures = order.join(structures_of(candidates, "sym"), on="id", how="left", maintain_order="left")
    extended: list[Row] = []
    remarks: dict[str, list[str]] = {}
    for row, structure in zip(rows, to_pymatgen(structures), strict=True):
        name = file_name(row["best_rank"], row["formula"], row["space_group"])
        written = cif(structure, row["space_group"], name)
        write_text(folder / written.name, written.text)
        found = _write_vasp(row, structure, folder / "vasp" / Path(name).stem)
        for note in found.notes:
            remarks.setdefault(note, []).append(Path(name).stem)
        own = f"vasp/{Path(name).stem}" if found.files else None
        extended.append(
            row
            | {"cif": written.name, "cif_check": written.check, "vasp": own, "vasp_missing": found.missing}
        )
    labels = [_scalars(row) for row in extended]
    write_text(folder / "best.extxyz", extxyz(to_ase(structures), labels))
    write_text(folder / "README.md", readme(summary, extended, remarks))
    return extended


def _write_vasp(row: Row, structure: Structure, folder: Path) -> VaspInput:
    found = vasp_input(structure, f"{row['formula']} {row['id']}")
    if found.files:
        folder.mkdir(parents=True)
    for name, text in found.files.items():
        write_text(folder / name, text)
    return found


def _scalars(row: Row) -> Row:
    return {k: v for k, v in row.items() if isinstance(v, str | int | float)}
