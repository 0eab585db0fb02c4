"""The small set that comes with the package: decorated prototypes, relaxed with CHGNet."""

from __future__ import annotations

from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lodestone.embedded import REBUILD
from lodestone.references.source import LocalSource, ReferenceSourceError

if TYPE_CHECKING:
    import polars as pl

ASSET = "references.parquet"


class EmbeddedSource(LocalSource):
    """The embedded references, for trying the software; its card tells how good they are."""

    handling: ClassVar[frozenset[str]] = LocalSource.handling | {"licence"}  # each row brings its own

    path: Path | None = None
    """Another table in place of the packaged one."""

    def load(self, elements: Collection[str]) -> pl.DataFrame:
        """The embedded crystals inside the chemical system of `elements`."""
        import polars as pl

        from lodestone.references.table import read_references, within_system

        (path,) = self.paths()
        if not path.is_file():
            msg = f"the embedded references are missing: no file {path}; restore it, or `make embedded`"
            raise ReferenceSourceError(msg)
        found = within_system(read_references(path), elements)
        own = pl.lit(self.name)
        return found.with_columns(source=own, id=pl.concat_str(own, "source_id", separator="/"))

    def files(self) -> dict[str, tuple[Path, str]]:
        """The one table."""
        (path,) = self.paths()
        return {f"embedded {ASSET}": (path, REBUILD)}

    def paths(self) -> tuple[Path, ...]:
        """The one table."""
        return (self.path or Path(str(resources.files("lodestone.embedded") / ASSET)),)
