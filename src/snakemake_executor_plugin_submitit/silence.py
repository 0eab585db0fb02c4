"""Tells the user now and then that a cluster does not answer, and when it does again."""

from __future__ import annotations

from collections.abc import Callable

from snakemake_executor_plugin_submitit.tasks import Event, Note

EVERY = 300.0  # seconds between two notes


class Silence:
    """How long which cluster has not answered."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}
        self._noted: dict[str, float] = {}

    def note(self, cluster: str, *, answered: bool) -> list[Event]:
        """A note where one is due."""
        now = self._clock()
        if answered:
            since, noted = self._since.pop(cluster, now), self._noted.pop(cluster, None)
            return [] if noted is None else [Note(f"{cluster} answers again, after {now - since:.0f} s")]
        self._since.setdefault(cluster, now)
        if now - self._noted.get(cluster, float("-inf")) < EVERY:
            return []
        self._noted[cluster] = now
        return [Note(f"{cluster} does not answer; jobs go on, and nothing is given up", warning=True)]
