"""The references of a campaign: its chemical system with all sub-systems, from its sources in their order."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from lodestone.references.building import accepted, entries, fetch_system, once, repeats
from lodestone.references.source import (
    BulkSource,
    IncompleteError,
    LocalSource,
    ReferenceSourceError,
    Source,
    SystemSource,
)
from lodestone.references.store import DamagedError, Part, Store, systems_within
from lodestone.references.table import SCHEMA, checked, within_system
from lodestone.runtime.signals import stop_if_asked

Say = Callable[[str], None]
State = Literal["complete", "partial", "missing"]
DOWN_AFTER = 2
"""Systems that all fail before a service counts as down."""
FAILURES = (ReferenceSourceError, OSError, pl.exceptions.PolarsError)


@dataclass(frozen=True)
class Outcome:
    """What came of a source."""

    name: str
    kind: str
    licence: str
    required: bool
    state: State
    rows: int
    missing: tuple[str, ...] = ()
    """Chemical systems that could not be had."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Entries that are no reference, by the reason why."""
    retrieved: tuple[str, str] | None = None
    """ISO dates of the oldest and the newest row; None where there is no row."""
    failure: str | None = None
    """Why it is not complete."""

    def line(self) -> str:
        """For the log."""
        found = f"references: {self.rows} from {self.name}"
        if self.left_out:
            found += f", {sum(self.left_out.values())} entries of it are no reference: " + ", ".join(
                f"{number} {reason}" for reason, number in sorted(self.left_out.items())
            )
        if self.state == "complete":
            return found
        systems = f" without {', '.join(self.missing)}" if self.missing else ""
        again = "`--forcerun references` asks again"
        return f"{found}; {self.name.upper()} IS {self.state.upper()}{systems}: {self.failure}; {again}"


def gather(
    sources: Sequence[Source], elements: Collection[str], store: Store, say: Say | None = None
) -> tuple[pl.DataFrame, tuple[Outcome, ...]]:
    """References of a system and what came of each source, in the order of `sources`.

    A system that the store lacks is fetched into it. Where a source fails, the others go on.

    Raises:
        ReferenceSourceError: a source that is required could not be had completely.
    """
    told = say or _stderr
    tables, outcomes = [pl.DataFrame(schema=SCHEMA)], []
    for source in sources:
        rows, outcome = _of(source, elements, store, told)
        told(outcome.line())
        if source.required and outcome.state != "complete":
            msg = f"the reference source {source.name} is required and not complete: {outcome.failure}"
            raise ReferenceSourceError(f"{msg}; `required: false` goes on without it")
        tables.append(rows)
        outcomes.append(outcome)
    found = checked(pl.concat(tables))
    if not found.height:
        told("references: NONE CAME FROM ANY SOURCE: every structure will count as new, and there is no hull")
    return found, tuple(outcomes)


def record(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What came of the sources, JSON-able, in their order."""
    return {"sources": [dataclasses.asdict(outcome) for outcome in outcomes]}


def _of(source: Source, elements: Collection[str], store: Store, say: Say) -> tuple[pl.DataFrame, Outcome]:
    empty = pl.DataFrame(schema=SCHEMA)
    try:
        if isinstance(source, LocalSource):
            batch = source.read(elements)
            rows = within_system(accepted(source, batch.rows), elements)
            return rows, _outcome(source, "complete", rows, batch.left_out)
        if isinstance(source, SystemSource):
            return _by_system(source, systems_within(elements), store, say)
        assert isinstance(source, BulkSource)
        return _from_bulk(source, systems_within(elements), store)
    except FAILURES as error:
        return empty, _outcome(source, "missing", empty, {}, failure=one_line(error))


def _by_system(
    source: SystemSource, systems: Sequence[str], store: Store, say: Say
) -> tuple[pl.DataFrame, Outcome]:
    parts, failures = have(source, systems, store, say)
    try:
        rows = store.read(source.name, list(parts))
    except DamagedError as error:
        say(f"references: {error}; fetched again now")
        with store.writing(source.name):
            store.forget(source, error.buckets)
        parts, failures = have(source, systems, store, say)
        rows = store.read(source.name, list(parts))
    single = once(rows)
    left_out = Counter[str](repeats(rows, single))
    for part in parts.values():
        left_out.update(part.left_out)
    missing = tuple(system for system in systems if system not in parts)
    state: State = "missing" if not parts else "partial" if missing else "complete"
    failure = "; ".join(dict.fromkeys(failures)) or None
    return single, _outcome(source, state, single, left_out, missing=missing, failure=failure)


def have(
    source: SystemSource, systems: Sequence[str], store: Store, say: Say, *, before: str | None = None
) -> tuple[dict[str, Part], list[str]]:
    """What the store has of some systems after fetching those that it lacks, and why some failed.

    The largest are asked for first: a service may have trouble with pure elements alone. Where the first two
    fail, it counts as down, and no other is asked for. `before`: systems retrieved before this ISO time are
    fetched again; the old rows stay where that fails.
    """
    parts = store.parts(source, systems)
    stale = {s for s, part in parts.items() if before is not None and part.retrieved < before}
    wanted = [s for s in reversed(systems) if s not in parts or s in stale]
    failures, down = list[str](), 0
    for number, system in enumerate(wanted, start=1):
        stop_if_asked("fetching references; finished pages are kept")
        label = f"references: {source.name}: {system} ({number} of {len(wanted)} systems)"
        try:
            parts[system] = fetch_system(store, source, system, entries(label, say), before=before)
        except FAILURES as error:
            failures.append(one_line(error))
            say(f"{label}: failed")
            down += not isinstance(error, IncompleteError)
            if down == number == DOWN_AFTER:
                break
        else:
            say(f"{label}: {parts[system].rows} references")
    return {system: parts[system] for system in systems if system in parts}, failures


def _from_bulk(source: BulkSource, systems: Sequence[str], store: Store) -> tuple[pl.DataFrame, Outcome]:
    ledger = store.ledger(source.name)
    if not store.parts(source, systems[:1]):
        other = " with another description" if ledger is not None and ledger.whole is not None else ""
        state = f"was built{other}" if other else "is not in the store"
        command = f"`lodestone references build --source {source.name}`"
        msg = f"{source.name} {state} ({store.folder}); build it first, with the campaign's file or {command}"
        raise ReferenceSourceError(msg)
    rows = store.read(source.name, systems)
    single = once(rows)
    return single, _outcome(source, "complete", single, repeats(rows, single))


def _outcome(
    source: Source,
    state: State,
    rows: pl.DataFrame,
    left_out: Mapping[str, int],
    *,
    missing: tuple[str, ...] = (),
    failure: str | None = None,
) -> Outcome:
    dates = rows["retrieved"]
    return Outcome(
        name=source.name,
        kind=source.kind,
        licence=source.licence,
        required=source.required,
        state=state,
        rows=rows.height,
        missing=missing,
        left_out=dict(left_out),
        retrieved=(str(dates.min()), str(dates.max())) if rows.height else None,
        failure=failure,
    )


def one_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
