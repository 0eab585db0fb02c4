"""The store of references at the size of a database: building it, and asking it for a chemical system.

A made-up database of a million crystals of 8 to 20 atoms in a hundred thousand chemical systems, read through
the store's own building; then queries, each the first one of a fresh process, beside a full scan of the same
files by the same library.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl

from benchmarks.shared.record import provenance
from benchmarks.shared.timing import ratio_of_medians, timed
from lodestone.columns import Col
from lodestone.references.building import fetch_all
from lodestone.references.source import Batch, BulkSource, Progress
from lodestone.references.store import Store
from lodestone.references.table import SCHEMA
from lodestone.structures.elements import ELEMENTS

BATCH = 20_000
ATOMS = range(8, 21)
KINDS = {1: 0.01, 2: 0.14, 3: 0.60, 4: 0.25}
"""Share of the crystals by number of elements."""
QUERIES = {"Co-Li-O": 150, "B-Fe-Nd": 40, "Ca-Cu-P-Si": 20, "Co-Li-Mn-Ni-O": 5}
"""Systems that are asked for with all their sub-systems, and crystals that are put in of exactly each."""


class MadeUp(BulkSource):
    """So many crystals of random elements, cells and positions; the same seed gives the same ones."""

    name: str = "made-up"
    licence: str = "CC0-1.0"
    crystals: int
    systems: int
    seed: int = 0

    def batches(self, progress: Progress) -> Iterator[Batch]:
        """Batches of crystals with equal numbers of atoms."""
        random = np.random.default_rng(self.seed)
        known = _systems(self.systems, random)
        done, number = 0, 0
        while done < self.crystals:
            n_rows = min(BATCH, self.crystals - done)
            chosen = _planted() if number == 0 else np.zeros((0, 5), dtype=int)
            chosen = np.vstack([chosen, known[random.integers(0, len(known), n_rows)]])[:n_rows]
            n_atoms = ATOMS[number % len(ATOMS)]
            yield Batch(_rows(self, chosen, n_atoms, done, random), {}, {"seed": str(self.seed)})
            done, number = done + n_rows, number + 1
            progress(done, self.crystals)


def run(*, crystals: int, systems: int, repeats: int) -> dict[str, Any]:
    """Time to build, and of each query against a full scan of the same files."""
    with tempfile.TemporaryDirectory(prefix="references-") as folder:
        store = Store(Path(folder))
        source = MadeUp(crystals=crystals, systems=systems)
        wall, cpu = timed(lambda: fetch_all(store, source, _told))
        ledger = store.ledger(source.name)
        assert ledger is not None
        files = [store.folder / source.name / file.name for file in ledger.files.values()]
        built = {
            "crystals": crystals,
            "systems": sum(
                pl.read_parquet(f, columns=["chemical_system"])["chemical_system"].n_unique() for f in files
            ),
            "wall": wall,
            "cpu": cpu,
            "megabytes": sum(file.stat().st_size for file in files) / 1e6,
            "files": len(files),
            "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        }
        rows = [_query(store, source.name, system, repeats) for system in QUERIES]
    return {**provenance(1), "polars": pl.__version__, "built": built, "repeats": repeats, "rows": rows}


def one(folder: str, name: str, system: str, way: str) -> None:
    """The work of a fresh process: one query, timed without the imports; prints JSON."""
    from lodestone.references.store import systems_within
    from lodestone.references.table import inside

    store, elements = Store(Path(folder)), system.split("-")
    found: list[pl.DataFrame] = []

    def ask() -> None:
        found.append(store.read(name, systems_within(elements)))

    def scan() -> None:
        every = pl.scan_parquet(Path(folder) / name / "*.parquet")
        found.append(every.filter(inside(elements)).sort("chemical_system", "id").collect())

    wall, cpu = timed(ask if way == "store" else scan)
    told = found[0].select(list(SCHEMA))
    digest = int(told.select("id", Col.ENERGY_PER_ATOM).hash_rows().sum()) if told.height else 0
    print(json.dumps({"wall": wall, "cpu": cpu, "rows": told.height, "digest": digest}))


def _query(store: Store, name: str, system: str, repeats: int) -> dict[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {"store": [], "scan": []}
    for repeat in range(repeats):
        for way in ("store", "scan") if repeat % 2 else ("scan", "store"):
            found[way].append(_fresh(store, name, system, way))
    answers = {(run["rows"], run["digest"]) for runs in found.values() for run in runs}
    if len(answers) != 1:
        raise RuntimeError(f"{system}: the store and the scan do not agree: {answers}")
    walls = {way: [run["wall"] for run in runs] for way, runs in found.items()}
    ratio = ratio_of_medians(walls["scan"], walls["store"], paired=True)
    return {
        "system": system,
        "rows": answers.pop()[0],
        **{f"{way}_wall": median(times) for way, times in walls.items()},
        **{f"{way}_cpu": median(run["cpu"] for run in runs) for way, runs in found.items()},
        "slowest": max(walls["store"]),
        "ratio": [ratio.value, ratio.low, ratio.high],
    }


def _fresh(store: Store, name: str, system: str, way: str) -> dict[str, Any]:
    arguments = (str(store.folder), name, system, way)
    code = f"from benchmarks.references.run import one; one(*{arguments!r})"
    command = [sys.executable, "-W", "ignore", "-c", code]
    environment = os.environ | {"POLARS_MAX_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _systems(number: int, random: np.random.Generator) -> np.ndarray:
    """Chemical systems as atomic numbers (number, 5), the last one repeated; light elements abound."""
    weight = 1 / (10 + np.arange(1, 84))
    parts = []
    for kinds, share in KINDS.items():
        wanted = min(int(number * share), 83) if kinds == 1 else int(number * share)
        drawn = random.choice(83, size=(wanted * 6, kinds + 2), p=weight / weight.sum()) + 1
        own = [row for row in map(dict.fromkeys, drawn.tolist()) if len(row) >= kinds]
        unique = {tuple(sorted(list(row)[:kinds])) for row in own}
        parts += [[*one, *([one[-1]] * (5 - kinds))] for one in sorted(unique)[:wanted]]
    return np.array(parts)


def _planted() -> np.ndarray:
    """The systems that are asked for, as atomic numbers (n, 5)."""
    numbers = {symbol: z for z, symbol in enumerate(ELEMENTS, start=1)}
    found = []
    for system, count in QUERIES.items():
        own = sorted(numbers[symbol] for symbol in system.split("-"))
        found += [[*own, *([own[-1]] * (5 - len(own)))]] * count
    return np.array(found)


def _rows(
    source: MadeUp, chosen: np.ndarray, n_atoms: int, first: int, random: np.random.Generator
) -> pl.DataFrame:
    n_rows = len(chosen)
    numbers = np.concatenate([chosen, chosen[:, random.integers(0, 5, n_atoms - 5)]], axis=1)
    cells = (np.eye(3) * 6 + random.normal(0, 0.7, (n_rows, 3, 3))).reshape(n_rows, 9)
    names = {
        tuple(row): "-".join(sorted({ELEMENTS[z - 1] for z in row}))
        for row in np.unique(chosen, axis=0).tolist()
    }
    system = [names[tuple(row)] for row in chosen.tolist()]
    ids = [f"x{i:07d}" for i in range(first, first + n_rows)]
    energy = random.normal(-6, 1.5, n_rows)
    return pl.DataFrame(
        {
            "id": [f"{source.name}/{one}" for one in ids],
            "numbers": pl.Series(numbers.astype(np.int16)).arr.to_list(),
            "cell": pl.Series(cells),
            "frac": pl.Series(random.random((n_rows, 3 * n_atoms))).arr.to_list(),
            Col.FORMULA: [one.replace("-", "") for one in system],
            "chemical_system": system,
            "source": [source.name] * n_rows,
            "source_id": ids,
            Col.ENERGY_PER_ATOM: energy,
            Col.E_ABOVE_HULL: np.abs(random.normal(0, 0.2, n_rows)),
            "licence": [source.licence] * n_rows,
            "retrieved": ["2026-01-01"] * n_rows,
        }
    ).select(pl.col(c).cast(kind) for c, kind in SCHEMA.items())


def _told(done: int, expected: int | None) -> None:
    print(f"{done:,} of {expected or 0:,}", file=sys.stderr, flush=True)
