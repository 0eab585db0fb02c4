"""Sources of made-up crystals, well-behaved or not, to test what stores and asks them.

As a program: `python made_up.py STORE SECONDS [bulk | CALLS]` builds one into a store, slowly, to be killed;
a file CALLS gets a line per system asked.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl

from lodestone.references.source import (
    Batch,
    BulkSource,
    Delivery,
    LocalSource,
    Progress,
    ReferenceSourceError,
    SystemSource,
)
from lodestone.references.store import systems_within
from lodestone.references.web.entries import KnownCrystal, rows

ELEMENTS = ("Co", "Li", "O")
SYSTEMS = systems_within(ELEMENTS)
Z = {"Li": 3, "B": 5, "O": 8, "Fe": 26, "Co": 27, "Nd": 60}


def crystals(
    source: str, system: str, number: int = 3, *, first: int = 0, shift: float = 0.0
) -> pl.DataFrame:
    """So many rows of exactly a chemical system; the same call gives the same rows."""
    kinds = [Z[symbol] for symbol in system.split("-")]
    made = []
    for i in range(first, first + number):
        random = np.random.default_rng([i, len(system)])
        numbers = np.array(kinds * (1 + i % 2))
        frac = random.random((len(numbers), 3))
        name = f"{system}-{i:04d}"
        made.append(
            KnownCrystal(name, numbers, np.diag([3.0, 4.0, 5.0 + i]), frac, -1.0 - i / 10 + shift, i / 100)
        )
    return rows(made, source, "CC0")


class Asked(SystemSource):
    """Gives three crystals of each system; `number`, `down` and `short` change that."""

    handling: ClassVar[frozenset[str]] = SystemSource.handling | {"seconds", "down", "short", "calls"}
    name: str = "asked"
    number: int = 3
    shift: float = 0.0
    seconds: float = 0.0
    """Waits so long before it delivers."""
    down: tuple[str, ...] = ()
    """Systems at which it cannot be had."""
    short: tuple[str, ...] = ()
    """Systems of which one entry less comes than is announced."""
    calls: Path | None = None
    """File that gets a line per system asked."""

    def deliver(self, system: str, pages: Path, progress: Progress) -> Delivery:
        assert pages.is_dir()
        if self.calls:
            with self.calls.open("a") as stream:
                stream.write(f"{system}\n")
        time.sleep(self.seconds)
        if system in self.down:
            msg = f"{self.name}: no answer from https://asked.example; try again later"
            raise ReferenceSourceError(msg)
        found = crystals(self.name, system, self.number, shift=self.shift)
        announced = self.number + 1 + (system in self.short)
        progress(found.height, announced)
        return Delivery(system, found, announced, {"disordered": 1}, {"url": "https://asked.example"})


class Whole(BulkSource):
    """A database of so many crystals of each system, in batches that mix the systems."""

    handling: ClassVar[frozenset[str]] = BulkSource.handling | {"seconds", "broken_after", "batch"}
    name: str = "whole"
    number: int = 10
    batch: int = 8
    seconds: float = 0.0
    broken_after: int | None = None
    """Batches after which it fails."""
    repeat: bool = False
    """Gives the last batch twice."""
    systems: tuple[str, ...] = tuple(SYSTEMS)

    def batches(self, progress: Progress) -> Iterator[Batch]:
        every = pl.concat([crystals(self.name, system, self.number) for system in self.systems])
        every = every.sample(fraction=1.0, shuffle=True, seed=1)
        parts = [every[i : i + self.batch] for i in range(0, every.height, self.batch)]
        for n, part in enumerate([*parts, *(parts[-1:] if self.repeat else [])]):
            if n == self.broken_after:
                msg = f"{self.name}: whole.json ends after entry {n * self.batch}; download it again"
                raise ReferenceSourceError(msg)
            time.sleep(self.seconds)
            progress((n + 1) * self.batch, None)
            yield Batch(part, {"no energy": 1}, {"file": "whole.json"})


class Near(LocalSource):
    """Gives crystals from memory; `broken` where it cannot."""

    name: str = "near"
    broken: bool = False

    def load(self, elements: Sequence[str]) -> pl.DataFrame:  # type: ignore[override]
        if self.broken:
            msg = "near: no file near.parquet"
            raise ReferenceSourceError(msg)
        return pl.concat([crystals(self.name, system) for system in systems_within(elements)])

    def paths(self) -> tuple[Path, ...]:
        return ()


def silent(*_: object) -> None:
    """A progress that nobody sees."""


def listener() -> tuple[list[str], Callable[[str], None]]:
    """What was said, and what says it."""
    said: list[str] = []
    return said, said.append


if __name__ == "__main__":
    from made_up import Asked, Whole  # under the name that tests know it by

    from lodestone.references.building import fetch_all, fetch_system
    from lodestone.references.store import Store

    store, pause = Store(Path(sys.argv[1])), float(sys.argv[2])
    print("ready", flush=True)
    if sys.argv[3:] == ["bulk"]:
        fetch_all(store, Whole(seconds=pause), silent)
    else:
        calls = Path(sys.argv[3]) if sys.argv[3:] else None
        for one in SYSTEMS:
            fetch_system(store, Asked(seconds=pause, calls=calls), one, silent)
            print(one, flush=True)
