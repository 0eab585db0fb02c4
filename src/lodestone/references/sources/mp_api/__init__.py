"""The Materials Project's own service, for its total energies, which its OPTIMADE does not give.

It needs a key (free, on the dashboard of materialsproject.org), which is read from the environment
variable MP_API_KEY when it is asked and is kept nowhere. Its client, mp-api, cannot be installed beside
the pinned packages, so the service is asked directly.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from lodestone.references.source import Delivery, Progress
from lodestone.references.web.settings import WebSource

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class MaterialsProjectSource(WebSource):
    """The Materials Project through its REST service, system by system, with the key in MP_API_KEY."""

    url: str = "https://api.materialsproject.org"
    """Address of the service."""

    page_limit: int = Field(200, ge=1, le=1000)
    """Entries per page; the service gives 1000 at most."""

    @field_validator("url")
    @classmethod
    def _keeps_the_key(cls, url: str) -> str:
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        if not is_safe or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an https address (the key would travel in clear), without a query")
        return url

    def deliver(self, system: str, pages: Path, progress: Progress) -> Delivery:
        """Everything that the Materials Project holds of exactly these elements."""
        from lodestone.references.sources.mp_api.delivery import deliver

        return deliver(self, system, pages, progress)
