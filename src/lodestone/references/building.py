"""Brings what a source holds into the store: system by system, or a whole database.

It tells how many entries have come, at most every few seconds, and stops where a job is asked to.
"""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl

from lodestone.references.descriptions import describe
from lodestone.references.source import (
    BulkSource,
    Delivery,
    IncompleteError,
    Progress,
    ReferenceSourceError,
    Source,
    SystemSource,
)
from lodestone.references.store import (
    BUCKETS,
    BUILDING,
    File,
    Ledger,
    Part,
    Store,
    bucket,
    digest,
    write_bucket,
)
from lodestone.references.table import SCHEMA, checked
from lodestone.references.web.entries import REPEATED
from lodestone.runtime.files import make_folder, when_there_is_space
from lodestone.runtime.progress import EVERY
from lodestone.runtime.signals import stop_if_asked


def entries(label: str, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> Progress:
    """A function (received, expected) that says "label: 300 of 1200 entries"; expected may be None."""
    last = clock()

    def report(received: int, expected: int | None) -> None:
        nonlocal last
        stop_if_asked("fetching references; finished pages are kept")
        if clock() - last < EVERY:
            return
        last = clock()
        of = "" if expected is None else f" of {expected}"
        say(f"{label}: {received}{of} entries")

    return report


AT_ONCE = 50_000
"""Rows of a database that are held in memory before they go to the disk (about 50 MB)."""
ALWAYS = "9999"
"""A time after every time: what was retrieved before it is everything."""


def now() -> str:
    """The time, UTC, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def fetch_system(
    store: Store, source: SystemSource, system: str, progress: Progress, *, before: str | None = None
) -> Part:
    """What the store holds of a system, after fetching it where it is missing.

    `before` is an ISO time: what was retrieved before it is fetched again, and replaced once that is
    complete.

    Raises:
        ReferenceSourceError: it cannot be had; the store is as it was.
    """
    with store.writing(source.name):
        known = store.parts(source, [system]).get(system)
        if known is not None and (before is None or known.retrieved >= before):
            return known
        pages = store.pages(source.name, system)
        make_folder(pages)
        delivery = source.deliver(system, pages, progress)
        rows = accepted(source, delivery.rows)
        _complete(source, system, delivery, rows)
        part = Part(
            rows=rows.height,
            expected=delivery.expected,
            left_out=dict(delivery.left_out),
            origin=dict(delivery.origin),
            retrieved=now(),
            description=digest(source),
        )
        store.put(source, system, rows, part)
        shutil.rmtree(pages, ignore_errors=True)
        return part


def fetch_all(store: Store, source: BulkSource, progress: Progress, *, before: str | None = None) -> Part:
    """What the store holds of a database, after reading it where it is missing or from before `before`.

    It is replaced at once, when all of it is there.

    Raises:
        ReferenceSourceError: it cannot be read to its end; the store is as it was.
    """
    with store.writing(source.name):
        ledger = store.ledger(source.name)
        known = ledger.whole if ledger else None
        fits = known is not None and known.description == digest(source)
        if known is not None and fits and (before is None or known.retrieved >= before):
            return known
        spill = store.folder / source.name / BUILDING / "spill"
        shutil.rmtree(spill, ignore_errors=True)  # of a build that was killed
        try:
            left_out, origin = _spilled(source, spill, progress)
            files, repeated = _sorted(store.folder / source.name, spill)
            left_out.update(repeated)
        finally:
            shutil.rmtree(spill, ignore_errors=True)
        if not files:
            msg = f"{source.name}: not one crystal came ({dict(left_out) or 'nothing was left out'})"
            raise ReferenceSourceError(msg)
        part = Part(
            rows=sum(file.rows for file in files.values()),
            expected=None,
            left_out=dict(left_out),
            origin=origin,
            retrieved=now(),
            description=digest(source),
        )
        store.replace(source, Ledger(describe(source), whole=part, files=files))
        return part


def accepted(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of a source, checked.

    Raises:
        ReferenceSourceError: they are no references, or carry another source's name.
    """
    try:
        found = checked(rows)
    except ReferenceSourceError as error:
        msg = f"{source.name}: the source gave a wrong table: {error}"
        raise ReferenceSourceError(msg) from error
    if found.filter(pl.col("source") != source.name).height:
        msg = f"{source.name}: the source gave rows of {found['source'].unique().sort().to_list()}"
        raise ReferenceSourceError(msg)
    return found


def once(rows: pl.DataFrame) -> pl.DataFrame:
    """The first row of each id."""
    return rows.unique("id", keep="first", maintain_order=True)


def repeats(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, int]:
    """How many rows went, as an entry of what was left out; empty where none did."""
    return {REPEATED: before.height - after.height} if after.height < before.height else {}


def _complete(source: Source, system: str, delivery: Delivery, rows: pl.DataFrame) -> None:
    """Raises where a delivery is not all of the system, or of another one."""
    others = rows.filter(pl.col("chemical_system") != system)["chemical_system"].unique().sort().to_list()
    if delivery.system != system or others:
        msg = f"{source.name}: asked for {system}, got {delivery.system} with {others}"
        raise ReferenceSourceError(msg)
    came = rows.height + sum(delivery.left_out.values())
    if delivery.expected is not None and came < delivery.expected:
        msg = f"{source.name}: {system}: {came} of {delivery.expected} entries came; ask again later"
        raise IncompleteError(msg)


def _spilled(source: BulkSource, spill: Path, progress: Progress) -> tuple[Counter[str], dict[str, str]]:
    """Write the rows of a database to files by bucket, as they come."""
    left_out, origin = Counter[str](), dict[str, str]()
    waiting, n_waiting, n_files = list[pl.DataFrame](), 0, 0
    for batch in source.batches(progress):
        single = once(batch.rows)
        left_out.update(batch.left_out)
        left_out.update(repeats(batch.rows, single))
        origin.update(batch.origin)
        waiting.append(accepted(source, single))
        n_waiting += single.height
        if n_waiting >= AT_ONCE:
            _spill(pl.concat(waiting), spill, n_files)
            waiting, n_waiting, n_files = [], 0, n_files + 1
    _spill(pl.concat([pl.DataFrame(schema=SCHEMA), *waiting]), spill, n_files)
    return left_out, origin


def _spill(rows: pl.DataFrame, spill: Path, number: int) -> None:
    systems = rows["chemical_system"].unique().to_list()
    keys = pl.DataFrame(
        {"chemical_system": systems, "bucket": [bucket(system) for system in systems]},
        schema={"chemical_system": pl.String, "bucket": pl.String},
    )
    joined = rows.join(keys, on="chemical_system", how="left", maintain_order="left")
    for (key,), part in joined.partition_by("bucket", as_dict=True, include_key=False).items():
        folder = spill / str(key)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number:06d}.parquet"
        when_there_is_space(path, partial(part.write_parquet, path, compression="lz4"))


def _sorted(folder: Path, spill: Path) -> tuple[dict[str, File], Counter[str]]:
    """The files of all buckets, each id once, and how many rows were left out for that."""
    files, repeated = dict[str, File](), Counter[str]()
    for key in (f"{i:03d}" for i in range(BUCKETS)):
        parts = sorted((spill / key).glob("*.parquet"))
        if not parts:
            continue
        rows = pl.concat([pl.read_parquet(path) for path in parts])
        single = once(rows)
        repeated.update(repeats(rows, single))
        files[key] = write_bucket(folder, key, single)
    return files, repeated
