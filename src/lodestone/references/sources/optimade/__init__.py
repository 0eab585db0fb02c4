"""Any database that speaks OPTIMADE: Alexandria, OQMD, the Materials Project, yours.

The protocol is asked directly: the client of the optimade package retries only HTTP 429, gives up on a
server error, and cannot go on where a killed build was. It serves the tests, as the server.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from lodestone.references.source import Delivery, Progress
from lodestone.references.web.settings import WebSource

FIELD = r"^[a-z_][a-z0-9_]*(\.[^.\s,]+)*$"
RELATIVE = re.compile(r"formation|e_form|delta_e|hull|stability", re.IGNORECASE)
"""In the names of energies that are no total energies."""


class OptimadeSource(WebSource):
    """An OPTIMADE database, asked `elements HAS ALL … AND nelements=…` system by system."""

    url: str
    """Base address, with or without its version (`/v1` is added where none is)."""

    energy_per_atom: str | None = Field(None, pattern=FIELD)
    """Field of the total energy in eV/atom; dots lead into nested ones. None: the database has none."""

    energy: str | None = Field(None, pattern=FIELD)
    """Field of the total energy of the cell in eV, divided by its sites; instead of `energy_per_atom`."""

    e_above_hull: str | None = Field(None, pattern=FIELD)
    """Field of the distance to the database's own hull in eV/atom."""

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an address like https://optimade.example.org/v1, without a query")
        return url

    @model_validator(mode="after")
    def _are_total_energies(self) -> OptimadeSource:
        if self.energy and self.energy_per_atom:
            raise ValueError("`energy` and `energy_per_atom`: give one, the other follows from it")
        for key in ("energy", "energy_per_atom"):
            name = getattr(self, key)
            if name and RELATIVE.search(name):
                raise ValueError(
                    f"{key}: {name} is an energy relative to others; give a total energy, or none"
                )
        return self

    @property
    def endpoint(self) -> str:
        """Address of the structures."""
        base = self.url.rstrip("/").removesuffix("/structures")
        last = base.rpartition("/")[2]
        version = "" if re.fullmatch(r"v\d+(\.\d+)*", last) else "/v1"
        return f"{base}{version}/structures"

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of the database beyond the structure, as they are asked for."""
        paths = (self.energy, self.energy_per_atom, self.e_above_hull)
        return tuple(dict.fromkeys(path.partition(".")[0] for path in paths if path))

    def deliver(self, system: str, pages: Path, progress: Progress) -> Delivery:
        """Everything that the database holds of exactly these elements."""
        from lodestone.references.sources.optimade.delivery import deliver

        return deliver(self, system, pages, progress)
