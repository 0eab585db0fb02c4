"""What the store holds of a source: `source.json`, by whose replacement every change of the store is made.

It names the files that count. A file beside it that it does not name is left over from a killed write.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lodestone.references.descriptions import contents
from lodestone.references.source import ReferenceSourceError, Source
from lodestone.runtime.files import write_json

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
