"""Crystals of your own: a folder of CIF, extxyz or POSCAR files, and a CSV of their energies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lodestone.references.source import Batch, LocalSource
from lodestone.structures.files import FORMATS, reader_of

if TYPE_CHECKING:
    import polars as pl


class FilesSource(LocalSource):
    """Your own files of structures, with energies from a CSV or from extxyz."""

    example: ClassVar[Mapping[str, Any]] = {
        "name": "lab",
        "licence": "internal",
        "path": "data/lab",
        "energies": "data/lab/energies.csv",
    }

    path: Path
    """Folder of structures (.cif, .extxyz, .xyz, POSCAR, .vasp), with its sub-folders, or one such file."""

    energies: Path | None = None
    """CSV with `file` or `id`, and `energy_per_atom` (eV/atom) or `energy` (eV, of the cell), and optionally
    `e_above_hull` (eV/atom). None: energies are those that extxyz files hold."""

    def load(self, elements: Collection[str]) -> pl.DataFrame:
        """The structures that hold none but these elements; energies are null where there are none."""
        return self.read(elements).rows

    def read(self, elements: Collection[str]) -> Batch:
        """The same with the structures that cannot be read, by name and reason."""
        from lodestone.references.sources.files.delivery import read

        return read(self, elements)

    def paths(self) -> tuple[Path, ...]:
        """The files of structures, and the CSV."""
        return (*structure_files(self.path), *([self.energies] if self.energies else []))

    def faults(self) -> Iterable[tuple[str, str, str]]:
        """Files that are not there."""
        if not self.paths()[: -1 if self.energies else None]:
            wrong = "holds no structures" if self.path.is_dir() else "does not exist or is of no known format"
            yield "path", f"{self.path} {wrong}", FORMATS
        if self.energies and not self.energies.is_file():
            yield "energies", f"there is no file {self.energies}", "a CSV file; or leave it out"


def structure_files(path: Path) -> list[Path]:
    """The files of structures at a path: the file itself, or those below the folder, sorted."""
    if path.is_file():
        return [path] if reader_of(path.name) is not None else []
    names = (file.relative_to(path) for file in sorted(path.rglob("*")))
    return [path / n for n in names if not _hidden(n) and reader_of(n.name) and (path / n).is_file()]


def _hidden(name: Path) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.parts)
