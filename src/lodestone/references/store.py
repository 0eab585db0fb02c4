"""The store of references: Parquet files by source and by a hash of the chemical system.

`STORE/<source>/source.json`, the ledger, names the files that count, `<bucket>-<token>.parquet`. A file is
never changed: a new one is written beside it, and the replaced ledger names that one. So a reader sees all
of a change or nothing of it, and a build that was killed leaves what was there before. A file beside it that
it does not name is left over from a killed write.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import sys
import uuid
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl

from lodestone.references.descriptions import contents, describe
from lodestone.references.source import ReferenceSourceError, Source
from lodestone.references.table import SCHEMA
from lodestone.runtime.files import make_folder, write_atomically, write_json
from lodestone.runtime.locks import alone

NAME = "source.json"
BUCKETS = 256


@dataclass(frozen=True)
class Part:
    """A chemical system of a source, or the whole of a database; only what came completely is kept."""

    rows: int
    expected: int | None
    """Entries that the source announced; None: it did not say."""
    left_out: Mapping[str, int]
    """Entries that are no reference, by the reason why."""
    origin: Mapping[str, str]
    retrieved: str
    """ISO date and time (UTC) at which it was complete."""
    description: str
    """Digest of the description that it was asked with."""


@dataclass(frozen=True)
class File:
    """A Parquet file of a bucket."""

    name: str
    rows: int
    crc32: int
    """Of its bytes, by which a reader tells that it is whole."""


@dataclass(frozen=True)
class Ledger:
    """Everything that the store holds of a source."""

    description: Mapping[str, Any]
    systems: Mapping[str, Part] = field(default_factory=dict)
    whole: Part | None = None
    """Set where the whole database is there; the systems are not listed then."""
    files: Mapping[str, File] = field(default_factory=dict)
    """By bucket."""

    def part(self, system: str, source: Source) -> Part | None:
        """What is there of a system and was asked with the description that the source has now."""
        found = self.whole or self.systems.get(system)
        return found if found is not None and found.description == digest(source) else None


def bucket(system: str) -> str:
    """The bucket of a chemical system, the same on every machine: "000" to "255"."""
    return f"{zlib.crc32(system.encode()) % BUCKETS:03d}"


def digest(source: Source) -> str:
    """A hash of what of a description decides which rows come."""
    text = json.dumps(contents(source), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_ledger(folder: Path) -> Ledger | None:
    """The ledger of a source's folder; None where there is none.

    Raises:
        ReferenceSourceError: it is there and cannot be read; names the file and what to do.
    """
    path = folder / NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Ledger(
            description=dict(found["description"]),
            systems={system: Part(**part) for system, part in found["systems"].items()},
            whole=None if found["whole"] is None else Part(**found["whole"]),
            files={name: File(**file) for name, file in found["files"].items()},
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path} is damaged ({error}); remove the folder {folder} and build the source again"
        raise ReferenceSourceError(msg) from error


def write_ledger(folder: Path, ledger: Ledger) -> None:
    """Replace the ledger of a source's folder, atomically."""
    write_json(folder / NAME, dataclasses.asdict(ledger))


BUILDING = "building"
ROW_GROUP = 512  # rows that share their statistics; small, so that a query decodes little of a file
ATTEMPTS = 20  # a reader whose files are replaced meanwhile looks again
ORDER = ("chemical_system", "id")
MOST_ELEMENTS = 12
"""Of a chemical system that is asked for with its sub-systems, which double with every element."""


class DamagedError(ReferenceSourceError):
    """Files of the store that are missing, cut off or changed; `buckets` are those that they hold."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        self.buckets = tuple(wrong)
        told = "; ".join(wrong.values())
        super().__init__(f"the store is damaged: {told}; `lodestone references build` mends it")


def store_folder() -> Path:
    """$LODESTONE_REFERENCES, else lodestone/references in the user's cache ($XDG_CACHE_HOME, ~/.cache)."""
    if chosen := os.environ.get("LODESTONE_REFERENCES"):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return Path(cache or "~/.cache").expanduser() / "lodestone" / "references"


def systems_within(elements: Collection[str]) -> list[str]:
    """The chemical system of these elements and all its sub-systems, the small ones first.

    Raises:
        ReferenceSourceError: there are more elements than sources are asked for.
    """
    symbols = sorted(set(elements))
    if len(symbols) > MOST_ELEMENTS:
        msg = f"{'-'.join(symbols)} has {2 ** len(symbols) - 1:,} sub-systems; sources are asked for up to "
        raise ReferenceSourceError(f"{msg}{MOST_ELEMENTS} elements, so leave only files and embedded")
    return ["-".join(part) for n in range(1, len(symbols) + 1) for part in combinations(symbols, n)]


@dataclass(frozen=True)
class Store:
    """A folder of references; several processes may read it, and one at a time writes a source."""

    folder: Path

    def names(self) -> list[str]:
        """Names of the sources that have something here, sorted."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{NAME}"))

    def ledger(self, name: str) -> Ledger | None:
        """What is here of a source; None where nothing is."""
        return read_ledger(self.folder / name)

    def parts(self, source: Source, systems: Iterable[str]) -> dict[str, Part]:
        """What is here of some systems of a source, as it is described now."""
        ledger = self.ledger(source.name)
        found = {system: ledger.part(system, source) for system in systems} if ledger else {}
        return {system: part for system, part in found.items() if part is not None}

    def pages(self, name: str, system: str) -> Path:
        """Folder of the unfinished work on a system of a source."""
        return self.folder / name / BUILDING / "pages" / system

    def read(self, name: str, systems: Collection[str]) -> pl.DataFrame:
        """The references of these chemical systems (none of their sub-systems), sorted by system and id.

        Raises:
            DamagedError: a file is not what was written; names it.
        """
        folder, ledger = self.folder / name, self.ledger(name)
        for _ in range(ATTEMPTS):
            try:
                return _read(folder, ledger, set(systems))
            except DamagedError:
                before, ledger = ledger, self.ledger(name)
                if before == ledger:
                    raise
        msg = f"{folder} is rewritten all the time; wait for the builds that work on it"
        raise ReferenceSourceError(msg)

    def damaged(self, name: str) -> dict[str, str]:
        """Files of a source that are not what was written, by bucket, with what is wrong; all are read."""
        folder, ledger = self.folder / name, self.ledger(name)
        found = dict[str, str]()
        for key, file in ledger.files.items() if ledger else ():
            try:
                _content(folder / file.name, file)
            except (OSError, ValueError) as error:
                found[key] = f"{folder / file.name} ({error})"
        return found

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Be the only writer of a source; waits for another one."""
        while True:
            with alone(self.folder / name / BUILDING, self.folder / name / NAME) as mine:
                if mine:
                    yield
                    return

    def put(self, source: Source, system: str, rows: pl.DataFrame, part: Part) -> None:
        """Put the rows of a system in place of those that are here; for the one who is `writing`."""
        folder, key = self.folder / source.name, bucket(system)
        ledger = self.ledger(source.name) or Ledger(describe(source))
        if ledger.whole is not None:  # the name was that of a whole database before
            ledger = Ledger(describe(source))
        others = {name for name in ledger.systems if bucket(name) == key and name != system}
        try:
            kept = _read(folder, ledger, others)
        except DamagedError as error:
            print(f"{error}; its other systems are fetched again where they are asked for", file=sys.stderr)
            ledger, kept = without(ledger, error.buckets), pl.DataFrame(schema=SCHEMA)
        files = {name: file for name, file in ledger.files.items() if name != key}
        if kept.height + rows.height:
            files[key] = write_bucket(folder, key, pl.concat([kept, rows]))
        self.replace(source, replace(ledger, systems={**ledger.systems, system: part}, files=files))

    def replace(self, source: Source, ledger: Ledger) -> None:
        """Make a ledger the one that counts, and remove the files that it does not name."""
        folder = self.folder / source.name
        write_ledger(folder, replace(ledger, description=describe(source)))
        named = {file.name for file in ledger.files.values()}
        for path in [*folder.glob("*.parquet"), *folder.glob(".*.part")]:
            if path.name not in named:
                path.unlink(missing_ok=True)

    def forget(self, source: Source, buckets: Iterable[str]) -> None:
        """Strike out buckets whose files are damaged: their systems count as missing; for the writer."""
        ledger = self.ledger(source.name)
        if ledger is not None:
            self.replace(source, without(ledger, buckets))


def without(ledger: Ledger, buckets: Iterable[str]) -> Ledger:
    """A ledger without some buckets and their systems; a whole database is not whole then."""
    gone = set(buckets)
    return replace(
        ledger,
        systems={name: part for name, part in ledger.systems.items() if bucket(name) not in gone},
        files={key: file for key, file in ledger.files.items() if key not in gone},
        whole=None if gone else ledger.whole,
    )


def write_bucket(folder: Path, key: str, rows: pl.DataFrame) -> File:
    """Write the rows of a bucket to a new file, sorted."""
    make_folder(folder)
    path = folder / f"{key}-{uuid.uuid4().hex[:8]}.parquet"
    table = rows.sort(ORDER)
    write_atomically(
        path, lambda temporary: table.write_parquet(temporary, compression="zstd", row_group_size=ROW_GROUP)
    )
    return File(path.name, table.height, zlib.crc32(path.read_bytes()))


def _read(folder: Path, ledger: Ledger | None, systems: Collection[str]) -> pl.DataFrame:
    if ledger is None:
        return pl.DataFrame(schema=SCHEMA)
    known = set(systems) if ledger.whole is not None else set(systems) & ledger.systems.keys()
    by_bucket: dict[str, list[str]] = defaultdict(list)
    for system in sorted(known):
        by_bucket[bucket(system)].append(system)
    tables, wrong = [pl.DataFrame(schema=SCHEMA)], dict[str, str]()
    for key, wanted in by_bucket.items():
        try:
            tables.append(_rows(folder, ledger, key, wanted))
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            file = ledger.files.get(key)
            wrong[key] = f"{folder / file.name if file else folder} ({error})"
    if wrong:
        raise DamagedError(wrong)
    return pl.concat(tables).sort(ORDER)


def _rows(folder: Path, ledger: Ledger, key: str, systems: list[str]) -> pl.DataFrame:
    """Rows of systems of one bucket; raises where they are not those that the ledger tells."""
    file = ledger.files.get(key)
    found = pl.DataFrame(schema=SCHEMA)
    if file is not None:
        content = _content(folder / file.name, file)
        wanted = pl.col("chemical_system").is_in(systems)
        found = pl.scan_parquet(io.BytesIO(content)).filter(wanted).select(list(SCHEMA)).collect()
    expected = sum(ledger.systems[system].rows for system in systems) if ledger.whole is None else None
    if expected not in (None, found.height):
        msg = f"{found.height} rows of {', '.join(systems)}, not {expected}"
        raise ValueError(msg)
    return found


def _content(path: Path, file: File) -> bytes:
    content = path.read_bytes()
    if zlib.crc32(content) != file.crc32:
        msg = f"not what was written: {len(content):,} bytes of another checksum"
        raise ValueError(msg)
    return content
