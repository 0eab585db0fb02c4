"""What every source over the network can be told: how long to wait and how often to ask again."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from lodestone.references.source import SystemSource

LONGEST_WAIT = 300.0
"""Seconds between two attempts, whatever a server asks for; one that asks for more is down for now."""


@dataclass(frozen=True)
class Limits:
    """How patient a request is; all times in seconds."""

    attempts: int
    wait: float
    timeout: float
    page_time: float


class WebSource(SystemSource):
    """A source that is asked over the network."""

    handling = SystemSource.handling | {"page_limit", "attempts", "wait", "timeout", "page_time"}

    page_limit: int = Field(100, ge=1, le=1000)
    """Entries per page that are asked for; a database may give fewer."""

    attempts: int = Field(5, ge=1, le=100)
    """How often a page is asked for before the source counts as down."""

    wait: float = Field(2.0, ge=0, le=LONGEST_WAIT)
    """Seconds before the second attempt, doubled for each further one; a server's Retry-After goes first."""

    timeout: float = Field(60.0, gt=0)
    """Seconds without a byte after which an attempt is given up."""

    page_time: float = Field(300.0, gt=0)
    """Seconds after which an attempt is given up, however steadily its bytes drip."""

    @property
    def limits(self) -> Limits:
        """How patient a request of this source is."""
        return Limits(self.attempts, self.wait, self.timeout, self.page_time)
