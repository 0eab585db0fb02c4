"""The store with many crystals: memory does not grow with them, and the benchmark of it runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PEAK = """
import resource, sys, tempfile
from pathlib import Path
sys.path.insert(0, {root!r})
from benchmarks.references.run import MadeUp
from lodestone.references import building
from lodestone.references.store import Store
building.AT_ONCE = 5_000
with tempfile.TemporaryDirectory() as folder:
    source = MadeUp(crystals={crystals}, systems=500)
    building.fetch_all(Store(Path(folder)), source, lambda *_: None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak(crystals: int) -> int:
    """MiB that a build of so many crystals takes at most."""
    code = PEAK.format(root=str(ROOT), crystals=crystals)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_memory_does_not_grow_with_the_database() -> None:
    few, many = peak(60_000), peak(220_000)
    assert many < few + 60  # MiB; the numbers of 160,000 crystals alone are 90


def test_the_benchmark_runs_at_a_toy_size(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.references.report import tables
    from benchmarks.references.run import QUERIES, run

    monkeypatch.chdir(ROOT)
    found = run(crystals=2000, systems=300, repeats=1)
    rows = {row["system"]: row["rows"] for row in found["rows"]}
    assert all(rows[system] >= planted for system, planted in QUERIES.items())
    assert found["built"]["crystals"] == 2000
    text = tables(found)
    assert "| Co-Li-O |" in text
    assert "2,000 crystals in " in text
