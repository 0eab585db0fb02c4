"""Alexandria's files: bzip2 of JSON, `{"entries": [ComputedStructureEntry, …]}`, one entry at a time."""

from __future__ import annotations

import bz2
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestone.references.source import Batch, Progress, ReferenceSourceError
from lodestone.references.web import entries as c
from lodestone.references.web.entries import structure_arrays

if TYPE_CHECKING:
    from lodestone.references.sources.alexandria_bulk import AlexandriaBulkSource

FETCH = "download the file again (https://alexandria.icams.rub.de/data/pbe/)"


def batches(source: AlexandriaBulkSource, progress: Progress) -> Iterator[Batch]:
    """Every crystal of the files, in their order; memory does not grow with the number of entries.

    Raises:
        ReferenceSourceError: a file is missing, cut off or of another format; names it and the entry.
    """
    n_read = 0
    for path in files(source):
        found = c.Collected()
        for entry in entries(source.name, path):
            found.add(partial(_crystal, entry))
            n_read += 1
            if len(found.crystals) + sum(found.left_out.values()) >= source.batch:
                yield _batch(source, path, found)
                progress(n_read, None)
                found = c.Collected()
        yield _batch(source, path, found)
        progress(n_read, None)


def files(source: AlexandriaBulkSource) -> tuple[Path, ...]:
    """The files, which exist.

    Raises:
        ReferenceSourceError: there are none, or one is missing.
    """
    from lodestone.references.sources.alexandria_bulk import PATTERN

    folders = source.path if isinstance(source.path, tuple) else (source.path,)
    found = tuple(f for p in folders for f in (sorted(p.glob(PATTERN)) if p.is_dir() else [p]))
    missing = [str(path) for path in found if not path.is_file()]
    if missing or not found:
        what = f"no file {missing[0]}" if missing else f"no {PATTERN} in {', '.join(map(str, folders))}"
        raise ReferenceSourceError(f"{source.name}: {what}; set `path` to the downloaded files")
    return found


def entries(name: str, path: Path) -> Iterator[Any]:
    """The entries of one file.

    Raises:
        ReferenceSourceError: it is cut off or of another format.
    """
    import ijson  # type: ignore[import-untyped]

    n_read = 0
    try:
        with bz2.open(path) as stream:
            for entry in ijson.items(stream, "entries.item", use_float=True):
                yield entry
                n_read += 1
    except (OSError, EOFError, UnicodeDecodeError, ijson.JSONError) as error:
        text = " ".join(str(error).split())[:200]
        raise ReferenceSourceError(
            f"{name}: {path}: cut off or damaged after entry {n_read}: {text}; {FETCH}"
        ) from error
    if n_read == 0:
        raise ReferenceSourceError(f"{name}: {path}: holds no list `entries` with entries; {FETCH}")


def _crystal(entry: Any) -> c.KnownCrystal:
    if not isinstance(entry, Mapping):
        raise c.UnfitError(c.NO_STRUCTURE)
    data = entry.get("data")
    data = data if isinstance(data, Mapping) else {}
    name = data.get("mat_id") or entry.get("entry_id")
    if not isinstance(name, str) or not name.strip():
        raise c.UnfitError(c.NO_ID)
    numbers, cell, frac = structure_arrays(entry.get("structure"))
    return c.KnownCrystal(name, numbers, cell, frac, _energy(entry, data, len(numbers)), _distance(data))


def _energy(entry: Mapping[str, Any], data: Mapping[str, Any], n_atoms: int) -> float | None:
    """Total energy without corrections, in eV/atom: `energy` of such an entry has none added yet."""
    total = c.number(data.get("energy_total"))
    total = c.number(entry.get("energy")) if total is None else total
    return None if total is None else total / n_atoms


def _distance(data: Mapping[str, Any]) -> float | None:
    return c.number(data.get("e_above_hull"))


def _batch(source: AlexandriaBulkSource, path: Path, found: c.Collected) -> Batch:
    rows = c.rows(found.crystals, source.name, source.licence)
    return Batch(rows, found.left_out, {"file": path.name})
