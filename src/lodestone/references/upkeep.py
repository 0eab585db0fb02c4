"""Builds and updates the store by hand: which sources, which systems, what came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from lodestone.references.building import ALWAYS, entries, fetch_all
from lodestone.references.descriptions import DescriptionError, from_description
from lodestone.references.gather import FAILURES, Say, have, one_line
from lodestone.references.source import BulkSource, LocalSource, ReferenceSourceError, Source, SystemSource
from lodestone.references.store import Store, systems_within
from lodestone.structures.elements import ELEMENTS


@dataclass(frozen=True)
class Result:
    """What a source came to."""

    name: str
    text: str
    failures: tuple[str, ...] = ()

    def line(self) -> str:
        """For the terminal."""
        return f"{self.name}: {self.text}" + "".join(f"\n  failed: {failure}" for failure in self.failures)


def build(source: Source, systems: Sequence[str], store: Store, say: Say) -> Result:
    """Fetch what the store lacks of a source; files that are damaged count as lacking."""
    if isinstance(source, LocalSource):
        return _look(source, systems)
    try:
        wrong = store.damaged(source.name)
    except ReferenceSourceError as error:
        return Result(source.name, "not built", (one_line(error),))
    for text in wrong.values():
        say(f"references: damaged: {text}; fetched again")
    if isinstance(source, BulkSource):
        return _whole(source, store, say, before=ALWAYS if wrong else None)
    if wrong:
        with store.writing(source.name):
            store.forget(source, wrong)
    return _systems(source, systems, store, say, before=None)


def update(source: Source, systems: Sequence[str], store: Store, say: Say, *, before: str) -> Result:
    """Fetch again what was retrieved before an ISO time; the old rows stay until the new ones are there."""
    if isinstance(source, LocalSource):
        return _look(source, systems)
    if isinstance(source, BulkSource):
        return _whole(source, store, say, before=before)
    return _systems(source, systems, store, say, before=before)


def days_ago(days: float) -> str:
    """The ISO time so many days ago, UTC; `ALWAYS` for none."""
    if not days:
        return ALWAYS
    return (dt.datetime.now(dt.UTC) - dt.timedelta(days=days)).isoformat(timespec="seconds")


def stored_systems(store: Store, name: str) -> list[str]:
    """The systems of a source that the store holds one by one."""
    ledger = store.ledger(name)
    return sorted(ledger.systems, key=lambda system: (system.count("-"), system)) if ledger else []


def stored_source(store: Store, name: str) -> Source:
    """A source of the store, as it was described when it was built.

    Raises:
        ReferenceSourceError: the store holds none of that name, or its description is no good any more.
    """
    ledger = store.ledger(name)
    if ledger is None:
        msg = f"no source {name!r} in {store.folder}; there are: {', '.join(store.names()) or 'none'}"
        raise ReferenceSourceError(msg)
    return from_description(ledger.description, look=False)


def systems_of_text(text: str) -> list[str]:
    """A chemical system with all its sub-systems, from a text such as Li-Co-O.

    Raises:
        DescriptionError: it is no chemical system.
    """
    parts = text.split("-")
    wrong = [part for part in parts if part not in ELEMENTS]
    if wrong or len(set(parts)) < len(parts):
        problem = f"{wrong[0]!r} is no element" if wrong else "an element is there twice"
        raise DescriptionError([((text,), problem, "symbols of elements joined by hyphens, e.g. Li-Co-O")])
    return systems_within(parts)


def _look(source: LocalSource, systems: Sequence[str]) -> Result:
    """Read a source that is never stored, to say whether it is good."""
    elements = {element for system in systems for element in system.split("-")} or set(ELEMENTS)
    try:
        batch = source.read(elements)
    except FAILURES as error:
        return Result(source.name, "cannot be read", (one_line(error),))
    out = "".join(f"\n  no reference: {reason} ({number})" for reason, number in batch.left_out.items())
    return Result(source.name, f"{batch.rows.height} references, read from its files by every campaign{out}")


def _whole(source: BulkSource, store: Store, say: Say, *, before: str | None) -> Result:
    try:
        part = fetch_all(store, source, entries(f"references: {source.name}", say), before=before)
    except FAILURES as error:
        return Result(source.name, "not built; what was there stays", (one_line(error),))
    return Result(source.name, f"{part.rows:,} references, complete, retrieved {part.retrieved}")


def _systems(source: Source, systems: Sequence[str], store: Store, say: Say, *, before: str | None) -> Result:
    assert isinstance(source, SystemSource)
    parts, failures = have(source, systems, store, say, before=before)
    missing = [system for system in systems if system not in parts]
    rows = sum(part.rows for part in parts.values())
    lacking = f"; missing: {', '.join(missing)}" if missing else ""
    text = f"{rows:,} references in {len(parts)} of {len(systems)} chemical systems{lacking}"
    return Result(source.name, text, tuple(failures))
