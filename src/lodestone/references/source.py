"""What a source of known crystals is, and what it hands over.

Three ways to be asked, one class each: read whole from files (`LocalSource`), one chemical system at a
time (`SystemSource`), or a whole database as a stream (`BulkSource`). A kind of source is one file in
`sources/` with one class; its module must import nothing heavy at its top, as a campaign file is
validated by these classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import polars as pl

Progress = Callable[[int, int | None], None]
"""Called with the entries received so far and with those expected, where the source says how many."""


class ReferenceSourceError(RuntimeError):
    """A source cannot be had, or gave something that is not a reference table."""


class IncompleteError(ReferenceSourceError):
    """A source gave fewer entries than it announced."""


@dataclass(frozen=True)
class Delivery:
    """Everything that a source holds of one chemical system (exactly these elements)."""

    system: str
    """Sorted symbols joined by "-"."""
    rows: pl.DataFrame
    """With the columns of `table.SCHEMA`."""
    expected: int | None = None
    """Entries that the source says it has; None: it does not say."""
    left_out: dict[str, int] = field(default_factory=dict)
    """How many entries are no reference, by the reason why."""
    origin: dict[str, str] = field(default_factory=dict)
    """Where it came from: address, filter, version of the service."""


@dataclass(frozen=True)
class Batch:
    """Some of the crystals of a database, of any systems, in any order."""

    rows: pl.DataFrame
    """With the columns of `table.SCHEMA`."""
    left_out: dict[str, int] = field(default_factory=dict)
    """How many entries since the last batch are no reference, by the reason why."""
    origin: dict[str, str] = field(default_factory=dict)
    """Where it came from: file, version."""


class Source(BaseModel, ABC):
    """A collection of known crystals, with energies of its own or without."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    handling: ClassVar[frozenset[str]] = frozenset({"required"})
    """Keys that say how it is asked and not what it holds: to change them makes nothing stored stale."""
    example: ClassVar[Mapping[str, Any]] = {}
    """Its keys as the documentation shows them, where no database of this kind comes with the package: those
    without a default; its name is by default that of the kind."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    """What its rows carry in `source`: small letters, digits, "_" and "-"; unique in a campaign."""

    licence: str = ""
    """Licence of the data, as each row carries it."""

    required: bool = False
    """true: a campaign stops where this source cannot be had; false: it goes on and says so."""

    @property
    def kind(self) -> str:
        """The kind of source: the name of the file (or folder) that defines it."""
        return type(self).__module__.rpartition(".")[2]

    def faults(self) -> Iterable[tuple[str, str, str]]:
        """Key, what is wrong, what is allowed: what a look at the machine tells, as of a missing file."""
        return ()

    def files(self) -> dict[str, tuple[Path, str]]:
        """Files that jobs on other machines read, by a name for each, and what to do if one is not there."""
        return {}


class LocalSource(Source):
    """A source that is read whole, at once, from files; it is never copied to the store."""

    @abstractmethod
    def load(self, elements: Collection[str]) -> pl.DataFrame:
        """Every crystal that holds none but these elements, with the columns of `table.SCHEMA`.

        Raises:
            ReferenceSourceError: the source cannot be read.
        """

    def read(self, elements: Collection[str]) -> Batch:
        """The same with what was left out."""
        return Batch(self.load(elements))

    def paths(self) -> tuple[Path, ...]:
        """The files that it reads, which need not exist; what they hold decides its rows.

        By default those that its keys name as `Path`; of a folder every file below it.
        """
        named = [value for _, value in self if isinstance(value, Path)]
        return tuple(file for path in named for file in _files(path))


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


class SystemSource(Source):
    """A source that is asked for one chemical system at a time."""

    @abstractmethod
    def deliver(self, system: str, pages: Path, progress: Progress) -> Delivery:
        """Everything that it holds of exactly these elements.

        `pages` is a folder that exists and belongs to this source and system: finished pages are kept
        there, so that a killed build goes on inside a system. The store removes it once the delivery
        is committed.

        Raises:
            ReferenceSourceError: it cannot be had; names source, address and what to do.
            IncompleteError: fewer entries came than were announced.
        """


class BulkSource(Source):
    """A whole database as a stream, in constant memory."""

    @abstractmethod
    def batches(self, progress: Progress) -> Iterator[Batch]:
        """All its crystals, a batch at a time.

        Raises:
            ReferenceSourceError: it cannot be read to its end; names source, file and what to do.
        """
