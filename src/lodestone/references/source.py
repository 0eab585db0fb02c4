"""What a source of known crystals is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import polars as pl


class ReferenceSourceError(RuntimeError):
    """A source is unknown, cannot be read, or gave something that is not a reference table."""


class Source(BaseModel, ABC):
    """A collection of known crystals with energies of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def load(self, elements: Collection[str]) -> pl.DataFrame:
        """Every crystal that holds none but these elements, with the columns of `store.SCHEMA`.

        Raises:
            ReferenceSourceError: the source cannot be read.
        """
