"""Structures from files of any common format, one by one; what cannot be read is kept, with the reason.

Formats go by name: .cif and .mcif, .extxyz and .xyz, POSCAR, CONTCAR, .poscar and .vasp, .parquet (the
structure table), .zip of any of these but Parquet, and a folder of them. Nothing is ever written: the
members of a zip are read in memory, up to a limit each and in all.

A CIF is read block by block, its symmetry applied; disorder is an error, never rounded away.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.structures.crystals import Crystal


def cif_structures(text: str) -> Iterator[tuple[str, Callable[[], Crystal]]]:
    """Name of every block that holds a cell or atoms, and a function that reads its structure.

    That function raises ValueError for a block without a crystal, with partial occupancies, or
    with sites that are no elements.
    """
    for name, block in _blocks(text):
        lower = block.lower()
        if "_cell_length_a" in lower or "_atom_site_fract_x" in lower:
            yield name, partial(_structure, block)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Name and text of every data block; `data_` inside a text field between semicolons is text."""
    name, lines, inside = None, list[str](), False
    for line in text.splitlines(keepends=True):
        if line.startswith(";"):
            inside = not inside
        if not inside and line.lower().startswith("data_"):
            if name is not None:
                yield name, "".join(lines)
            name, lines = line[5:].strip() or "unnamed", []
        lines.append(line)
    if name is not None:
        yield name, "".join(lines)


def _structure(block: str) -> Crystal:
    import numpy as np
    from pymatgen.io.cif import CifParser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parser = CifParser.from_str(block)
        found = parser.parse_structures(primitive=False, on_error="raise")
    if not found:
        raise ValueError("no structure in it")
    structure = found[0]
    if not structure.is_ordered:
        partly = sorted({site.species_string for site in structure if not site.is_ordered})
        raise ValueError(f"disorder: partial occupancies at {'; '.join(partly[:3])}")
    species = [site.specie for site in structure]
    unknown = sorted({str(s) for s in species if not 1 <= s.Z <= 118})
    if unknown:
        raise ValueError(f"no elements: {', '.join(unknown)}")
    numbers = np.array([s.Z for s in species])
    return numbers, np.array(structure.lattice.matrix), np.array(structure.frac_coords)


LARGEST_FILE = 64 * 2**20
"""Bytes of one text file or of one member of a zip."""
LARGEST_TOTAL = 4 * 2**30
"""Bytes of all members of a zip, unpacked."""
FORMATS = ".cif, .extxyz, .xyz, POSCAR, CONTCAR, .poscar, .vasp, .parquet, .zip, or a folder of these"
HIDDEN = (".", "__MACOSX")


@dataclass(frozen=True)
class Entry:
    """A structure, (numbers, cell in Å, frac), or why there is none."""

    id: str
    crystal: Crystal | None
    error: str | None = None


Pending = Callable[[], Entry]
"""A structure that is found but not parsed yet."""


class UnknownFormatError(ValueError):
    """A file whose name says nothing that can be read."""


def read_entries(path: Path) -> Iterator[Entry]:
    """Every structure of a file or folder, in the order of the file or of the names.

    Raises UnknownFormatError where the name of a single file does not tell its format.
    """
    return (parse() for parse in _pending(path))


def count_entries(path: Path) -> int:
    """How many entries `read_entries` gives; nothing is parsed for it. Raises like it."""
    return sum(1 for _ in _pending(path))


def _pending(path: Path) -> Iterator[Pending]:
    if path.is_dir():
        return _folder(path)
    if path.suffix.lower() == ".parquet":
        return _table(path)
    if path.suffix.lower() == ".zip":
        return _zip(path)
    if not is_readable(path):
        raise UnknownFormatError(f"{path}: structures are read from {FORMATS}")
    return _text_file(path, path.name)


def is_readable(path: Path) -> bool:
    """Whether a path is a folder, or a file whose name tells a format."""
    known = path.suffix.lower() in {".parquet", ".zip"} or reader_of(path.name) is not None
    return known or path.is_dir()


def reader_of(name: str) -> Callable[[str, str], Iterator[Pending]] | None:
    """The reader of a text format (text, name) by the name of its file; None where it is unknown."""
    base, suffix = PurePosixPath(name).name, PurePosixPath(name).suffix.lower()
    if suffix in {".cif", ".mcif"}:
        return _cif
    if suffix in {".extxyz", ".xyz"}:
        return _extxyz
    if suffix in {".vasp", ".poscar"} or re.match(r"(POSCAR|CONTCAR)\b", base):
        return _poscar
    return None


def _folder(folder: Path) -> Iterator[Pending]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and reader_of(name) is not None and not _is_hidden(name):
            yield from _text_file(path, name)


def _zip(path: Path) -> Iterator[Pending]:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        yield _failed(path.name, f"no zip archive: {error}")
        return
    left = LARGEST_TOTAL
    with archive:
        for member in archive.infolist():
            reader = reader_of(member.filename)
            if member.is_dir() or reader is None or _is_hidden(member.filename):
                continue
            try:
                with archive.open(member) as stream:  # the header's own size is not believed
                    content = stream.read(min(left, LARGEST_FILE) + 1)
            except Exception as error:  # noqa: BLE001 - broken, encrypted or of an unknown compression
                yield _failed(member.filename, _one_line(error))
                continue
            if len(content) > min(left, LARGEST_FILE):
                yield _failed(member.filename, f"larger than {LARGEST_FILE >> 20} MiB, not read")
                continue
            left -= len(content)
            yield from _text(content, member.filename, reader)


def _text_file(path: Path, name: str) -> Iterator[Pending]:
    reader = reader_of(name)
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST_FILE or reader is _extxyz else None
    except OSError as error:
        yield _failed(name, error.strerror or str(error))
        return
    if content is None or reader is None:
        yield _failed(name, f"larger than {LARGEST_FILE >> 20} MiB, not read")
        return
    yield from _text(content, name, reader)


def _text(content: bytes, name: str, reader: Callable[[str, str], Iterator[Pending]]) -> Iterator[Pending]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # old CIFs; symbols and numbers are ASCII in both
    yield from reader(text, name)


def _cif(text: str, name: str) -> Iterator[Pending]:
    found = list(cif_structures(text))
    if not found:
        yield _failed(name, "no structure in it: no block with a cell and atoms")
    for block, get in found:
        yield partial(_tried, name if len(found) == 1 else f"{name}:{block}", get)


def _poscar(text: str, name: str) -> Iterator[Pending]:
    from ase.io import read

    yield partial(_tried, name, lambda: _crystal(read(io.StringIO(text), format="vasp")))


def _extxyz(text: str, name: str) -> Iterator[Pending]:
    """Frames are cut by their counts, so that a bad one does not take the others with it."""
    lines = text.splitlines(keepends=True)
    start, frames = 0, list[tuple[str, bool]]()
    while start < len(lines):
        if not lines[start].strip():
            start += 1
            continue
        count = re.fullmatch(r"\s*(\d+)\s*", lines[start])
        end = start + 2 + int(count[1]) if count else len(lines)
        frames.append(("".join(lines[start:end]), count is not None and end <= len(lines)))
        start = end
    if not frames:
        yield _failed(name, "no structure in it")
    for i, (frame, whole) in enumerate(frames):
        own = name if len(frames) == 1 else f"{name}:{i}"
        if whole:
            yield partial(_frame, frame, own)
        else:
            yield _failed(own, "cut off, or no number of atoms where one must stand; the rest is not read")


def _frame(text: str, name: str) -> Entry:
    from ase.io.extxyz import read_xyz

    try:
        (atoms,) = read_xyz(io.StringIO(text), slice(None))
    except Exception as error:  # noqa: BLE001 - whatever a parser raises is about this frame
        return Entry(name, None, _one_line(error))
    own = atoms.info.get("id", atoms.info.get("name"))
    return _tried(name if own is None else str(own), lambda: _crystal(atoms))


def _table(path: Path) -> Iterator[Pending]:
    from lodestone.structures.table import SCHEMA, arrays, read_table

    try:
        table = read_table(path)
        wanted = [*SCHEMA, *(c for c in ("failed", "failure") if c in table.columns)]
        rows = table.select(wanted).iter_rows(named=True)
    except Exception as error:  # noqa: BLE001 - no Parquet, or not the structure table
        yield _failed(path.name, f"no structure table: {_one_line(error)}")
        return
    for row in rows:
        if row.get("failed"):
            yield _failed(row["id"], f"not generated: {row.get('failure') or 'no reason given'}")
        else:
            yield partial(_tried, row["id"], partial(arrays, row))


def _failed(name: str, error: str) -> Pending:
    return partial(Entry, name, None, error)


def _crystal(atoms: Atoms) -> Crystal:
    if atoms.cell.rank < 3 or not atoms.pbc.all():
        raise ValueError("not periodic in three directions: no cell, or pbc is not T T T")
    return atoms.numbers, atoms.cell.array, atoms.get_scaled_positions(wrap=False)


def _tried(name: str, get: Callable[[], Crystal]) -> Entry:
    import numpy as np

    try:
        numbers, cell, frac = get()
    except Exception as error:  # noqa: BLE001 - whatever a parser raises is about this entry
        return Entry(name, None, _one_line(error))
    if not len(numbers) or len(frac) != len(numbers):
        return Entry(name, None, "no atoms" if not len(numbers) else "atoms and positions do not agree")
    if numbers.min() < 1 or not (np.isfinite(cell).all() and np.isfinite(frac).all()):
        return Entry(name, None, "an atom without an element, or a number that is not finite")
    return Entry(name, (numbers, cell, frac))


def _is_hidden(name: str) -> bool:
    return any(part.startswith(HIDDEN) and part != ".." for part in PurePosixPath(name).parts)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."
