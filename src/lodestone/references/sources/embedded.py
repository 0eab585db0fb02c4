"""The small set that comes with the package: decorated prototypes, relaxed with CHGNet."""

from __future__ import annotations

from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from lodestone.references.source import ReferenceSourceError, Source

if TYPE_CHECKING:
    import polars as pl

ASSET = "references.parquet"


class EmbeddedSource(Source):
    """The embedded references, for trying the software; its card tells how good they are."""

    path: Path | None = None
    """Another table in place of the packaged one."""

    def load(self, elements: Collection[str]) -> pl.DataFrame:
        """The embedded crystals inside the chemical system of `elements`."""
        from lodestone.references.store import read_references, within_system

        path = self.path or Path(str(resources.files("lodestone.embedded") / ASSET))
        if not path.is_file():
            msg = f"the embedded references are missing: no file {path}"
            raise ReferenceSourceError(msg)
        return within_system(read_references(path), elements)
