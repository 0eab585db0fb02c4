"""Alexandria's bulk files, `alexandria_*.json.bz2`: all of it, without asking a server per system.

You download them (https://alexandria.icams.rub.de/data/pbe/, a folder per release; 3.4 GB for the
release of 2025-07-02); they are read as a stream, in constant memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from lodestone.references.source import Batch, BulkSource, Progress

PATTERN = "alexandria_*.json.bz2"


class AlexandriaBulkSource(BulkSource):
    """Alexandria from downloaded files of pymatgen entries, whole."""

    handling = BulkSource.handling | {"batch"}

    path: Path | tuple[Path, ...]
    """A folder of `alexandria_*.json.bz2`, or a list of such files."""

    batch: int = Field(2_000, ge=1, le=100_000)
    """Entries that are held in memory at a time."""

    def batches(self, progress: Progress) -> Iterator[Batch]:
        """All its crystals, file by file."""
        from lodestone.references.sources.alexandria_bulk.delivery import batches

        return batches(self, progress)
