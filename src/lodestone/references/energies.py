"""Energies of one's own structures: from a CSV, or from the comments of extxyz files."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

from lodestone.columns import Col
from lodestone.references.source import ReferenceSourceError

KEYS = ("file", "id")
NUMBERS = (Col.ENERGY_PER_ATOM, "energy", Col.E_ABOVE_HULL)
COLUMNS = (
    "file or id, and energy_per_atom (total energy, eV/atom) or energy (total energy of the cell, eV), "
    "and optionally e_above_hull (eV/atom) and comment"
)
AGREE = 1e-3  # eV/atom by which energy and energy_per_atom of one row may differ: both are rounded


class EnergyError(ReferenceSourceError):
    """A file of energies is wrong; names file, line and fix."""


@dataclass(frozen=True)
class Row:
    """Energies of a structure as its row of a CSV gives them, in eV; None where it gives none."""

    where: str
    """`file:line`."""
    energy_per_atom: float | None
    energy: float | None
    e_above_hull: float | None

    def per_atom(self, n_atoms: int) -> float | None:
        """Total energy in eV/atom of a structure of so many atoms.

        Raises:
            EnergyError: the row gives both energies, and they do not agree.
        """
        if self.energy is None:
            return self.energy_per_atom
        found = self.energy / n_atoms
        if self.energy_per_atom is not None and abs(found - self.energy_per_atom) > AGREE:
            msg = (
                f"{self.where}: energy {self.energy:g} eV of {n_atoms} atoms is {found:g} eV/atom, but "
                f"energy_per_atom is {self.energy_per_atom:g}; energy is the total of the cell in eV"
            )
            raise EnergyError(msg)
        return found


def read_energies(path: Path) -> tuple[str, dict[str, Row]]:
    """The column that names the structures (`file` or `id`), and the rows by it.

    Raises:
        EnergyError: a column is unknown or missing, a name is missing or repeated, or a value is no number.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True)
            key = _key(path, [name.strip() for name in reader.fieldnames or []])
            reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
            return key, _rows(path, key, reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{path}: no CSV that can be read: {error}"
        raise EnergyError(msg) from error


def extxyz_energies(text: str) -> Iterator[float | None]:
    """`energy` (eV, of the cell) of every frame of an extxyz file; None where a frame has none."""
    from ase.io.extxyz import key_val_str_to_dict

    lines = text.splitlines()
    start = 0
    while start < len(lines):
        if not lines[start].strip():
            start += 1
            continue
        count = re.fullmatch(r"\s*(\d+)\s*", lines[start])
        comment = lines[start + 1] if start + 1 < len(lines) else ""
        value = key_val_str_to_dict(comment).get("energy") if count else None
        if value is None or value is True:
            yield None
        elif isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
            yield float(value)
        else:
            msg = f"line {start + 2}: energy={value!r} is no finite number of eV"
            raise EnergyError(msg)
        start = start + 2 + int(count[1]) if count else len(lines)


def _key(path: Path, columns: list[str]) -> str:
    unknown = [name for name in columns if name not in (*KEYS, *NUMBERS, "comment")]
    keys = [name for name in columns if name in KEYS]
    wrong = None
    if not columns:
        wrong = "is empty"
    elif len(columns) == 1 and re.search(r"[;\t]", columns[0]):
        wrong = "columns are not separated by commas"
    elif unknown:
        wrong = f"unknown column {unknown[0]!r} (other quantities and units are not converted)"
    elif len(keys) != 1 or len(set(columns)) < len(columns):
        wrong = f"columns {', '.join(columns)}: needs one of file and id, and every column once"
    elif not set(columns) & {"energy", Col.ENERGY_PER_ATOM}:
        wrong = "no column of energies"
    if wrong:
        msg = f"{path}:1: {wrong}; allowed: {COLUMNS}"
        raise EnergyError(msg)
    return keys[0]


def _rows(path: Path, key: str, reader: csv.DictReader[str]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for values in reader:
        where = f"{path}:{reader.line_num}"
        name = (values[key] or "").strip()
        if None in values or any(values[column] is None for column in reader.fieldnames or []):
            msg = f"{where}: not as many values as the first line has columns"
            raise EnergyError(msg)
        if not name:
            msg = f"{where}: {key} is empty; allowed: the name of a structure"
            raise EnergyError(msg)
        if name in found:
            msg = f"{where}: {key} {name!r} is there twice, first in {found[name].where}; keep one"
            raise EnergyError(msg)
        found[name] = Row(where, *(_number(values.get(column), column, where) for column in NUMBERS))
    return found


def _number(text: str | None, column: str, where: str) -> float | None:
    """A finite number; None where the cell is empty or the column is not there."""
    if text is None or not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        msg = f"{where}: {column}: {text.strip()!r} is no finite number; allowed: a number, or empty"
        raise EnergyError(msg)
    return value
