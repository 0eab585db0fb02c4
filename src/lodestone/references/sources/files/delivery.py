"""Rows of references from one's own files of structures, with their energies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
import polars as pl

from lodestone.references.energies import EnergyError, Row, extxyz_energies, read_energies
from lodestone.references.source import Batch, ReferenceSourceError
from lodestone.references.sources.files import FilesSource, structure_files
from lodestone.references.table import SCHEMA
from lodestone.references.web.entries import SMALLEST_VOLUME, KnownCrystal, chemical_system, rows
from lodestone.structures.files import Entry, read_entries

NAMED = 20  # structures that cannot be read are told by name, up to so many
OTHERS = "more structures that cannot be read"


@dataclass(frozen=True)
class Found:
    """A structure of a file."""

    file: str
    """Relative to the folder."""
    id: str
    """The file's name, with the block or frame where it holds several, or the structure's own id."""
    entry: Entry
    energy: float | None
    """eV, of the cell, as the file itself tells."""
    date: str
    """Of the file, ISO."""


def read(source: FilesSource, elements: Collection[str]) -> Batch:
    """The structures of a source that hold none but these elements.

    Raises:
        ReferenceSourceError: there are no files, an id is there twice, or energies are wrong or are of a
            structure that is not there.
    """
    files = structure_files(source.path)
    if not files:
        msg = f"{source.name}: no files of structures at {source.path}; see `path`"
        raise ReferenceSourceError(msg)
    folder = source.path if source.path.is_dir() else source.path.parent
    key, energies = read_energies(source.energies) if source.energies else ("id", {})
    found = [one for file in files for one in _of_file(file, folder, own_energies=not source.energies)]
    _unambiguous(found, key, energies)
    left_out = dict[str, int]()
    crystals, dates = list[KnownCrystal](), list[str]()
    for one in found:
        crystal = _crystal(one, energies.get(one.file if key == "file" else one.id), left_out)
        if crystal is not None and set(chemical_system(crystal.numbers).split("-")) <= set(elements):
            crystals.append(crystal)
            dates.append(one.date)
    table = rows(crystals, source.name, source.licence)
    return Batch(
        table.with_columns(retrieved=pl.Series(dates, dtype=pl.String)).select(list(SCHEMA)), left_out
    )


def _of_file(path: Path, folder: Path, *, own_energies: bool) -> Iterator[Found]:
    name = path.relative_to(folder).as_posix()
    date = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).date().isoformat()
    energies: Iterator[float | None] = repeat(None)
    if own_energies and path.suffix.lower() in {".extxyz", ".xyz"}:
        try:
            energies = iter(list(extxyz_energies(path.read_text(encoding="utf-8", errors="replace"))))
        except EnergyError as error:
            msg = f"{path}: {error}"
            raise EnergyError(msg) from None
    for entry, energy in zip(read_entries(path), energies, strict=False):
        named = entry.id == path.name or entry.id.startswith(f"{path.name}:")
        own = name + entry.id[len(path.name) :] if named else entry.id
        yield Found(name, own, entry, energy, date)


def _unambiguous(found: list[Found], key: str, energies: dict[str, Row]) -> None:
    """Raises where an id is there twice, or a row of energies is of no structure or of several."""
    by_id, by_file = dict[str, str](), dict[str, int]()
    for one in found:
        if one.id in by_id:
            msg = f"{one.file}: the id {one.id!r} is there twice, first in {by_id[one.id]}; give it another"
            raise ReferenceSourceError(msg)
        by_id[one.id] = one.file
        by_file[one.file] = by_file.get(one.file, 0) + 1
    known = by_id if key == "id" else by_file
    for name, row in energies.items():
        if name not in known:
            near = ", ".join(list(known)[:3])
            msg = f"{row.where}: {key} {name!r}: there is no such structure; there are {near}, ..."
            raise EnergyError(msg)
        if key == "file" and by_file[name] > 1:
            msg = f"{row.where}: {name} holds {by_file[name]} structures; name them by a column id"
            raise EnergyError(msg)


def _crystal(one: Found, row: Row | None, left_out: dict[str, int]) -> KnownCrystal | None:
    """The structure with its energies; None, and counted, where it cannot be read."""
    error = one.entry.error
    if one.entry.crystal is None:
        _leave_out(one, error or "cannot be read", left_out)
        return None
    numbers, cell, frac = one.entry.crystal
    if not abs(np.linalg.det(cell)) > SMALLEST_VOLUME:
        _leave_out(one, "a cell without a volume", left_out)
        return None
    n_atoms = len(numbers)
    own = None if one.energy is None else one.energy / n_atoms
    return KnownCrystal(
        source_id=one.id,
        numbers=numbers,
        cell=cell,
        frac=frac,
        energy_per_atom=row.per_atom(n_atoms) if row else own,
        e_above_hull=row.e_above_hull if row else None,
    )


def _leave_out(one: Found, reason: str, left_out: dict[str, int]) -> None:
    told = f"{one.id}: {reason}"
    key = told if len(left_out) < NAMED else OTHERS
    left_out[key] = left_out.get(key, 0) + 1
