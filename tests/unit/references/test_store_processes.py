"""The store beside other processes: killed builds, builds at once, readers beside writers."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the sources beside this file are not a package

from made_up import SYSTEMS, Asked, Whole, crystals, silent  # noqa: E402

from lodestone.references.building import fetch_all, fetch_system  # noqa: E402
from lodestone.references.store import Store  # noqa: E402


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def everything(systems: list[str], **changes: float) -> pl.DataFrame:
    return pl.concat([crystals("asked", system, **changes) for system in systems]).sort(
        "chemical_system", "id"
    )


def start(store: Store, seconds: float, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "made_up.py"), str(store.folder), str(seconds), *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_killed_build_goes_on_and_equals_an_undisturbed_one(store: Store, tmp_path: Path) -> None:
    process = start(store, 0.05)
    assert process.stdout is not None
    done = [process.stdout.readline().strip() for _ in range(3)]
    time.sleep(0.02)  # inside the fourth
    process.send_signal(signal.SIGKILL)
    process.wait()
    source = Asked(calls=tmp_path / "calls", seconds=0.05)
    assert set(done) <= set(store.parts(source, SYSTEMS))
    ledger = store.ledger("asked")
    assert ledger is not None
    kept = set(ledger.systems)
    for system in SYSTEMS:
        if system not in kept:
            fetch_system(store, source, system, silent)
    assert set((tmp_path / "calls").read_text().split()) == set(SYSTEMS) - kept
    assert store.read("asked", SYSTEMS).equals(everything(SYSTEMS))


def test_two_builds_at_once_ask_for_each_system_once(store: Store, tmp_path: Path) -> None:
    builds = [start(store, 0.05, str(tmp_path / "calls")) for _ in range(2)]
    for build in builds:
        build.communicate()
    assert [build.returncode for build in builds] == [0, 0]
    assert sorted((tmp_path / "calls").read_text().split()) == sorted(SYSTEMS)
    assert store.read("asked", SYSTEMS).equals(everything(SYSTEMS))


@pytest.mark.parametrize("after", [0.05, 0.3])
def test_a_killed_bulk_build_leaves_the_old_store_and_restarts(store: Store, after: float) -> None:
    fetch_all(store, Whole(number=2), silent)
    before = store.read("whole", SYSTEMS)
    process = start(store, 0.1, "bulk")
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert store.read("whole", SYSTEMS).equals(before)
    part = fetch_all(store, Whole(), silent)
    assert part.rows == 10 * len(SYSTEMS)
    assert store.read("whole", SYSTEMS).height == part.rows


@pytest.mark.slow
def test_readers_beside_a_writer_see_the_old_or_the_new_rows(store: Store) -> None:
    for system in SYSTEMS:
        fetch_system(store, Asked(), system, silent)
    states = [everything(["Li-O"], shift=shift) for shift in (0.0, -1.0)]
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "from pathlib import Path\nfrom made_up import *\n"
        "from lodestone.references.building import fetch_system\n"
        "from lodestone.references.store import Store\n"
        "for i in range(40):\n"
        "    source = Asked(shift=-1.0 * (i % 2))\n"
        f"    fetch_system(Store(Path({str(store.folder)!r})), source, 'Li-O', silent, before='9999')\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(2)]
    reads, changes = 0, 0
    last = None
    while any(writer.poll() is None for writer in writers):
        found = store.read("asked", ["Li-O"])
        assert any(found.equals(state) for state in states)
        changes += last is not None and not found.equals(last)
        last, reads = found, reads + 1
    assert [writer.wait() for writer in writers] == [0, 0]
    assert reads > 20
    assert changes >= 1
    assert store.damaged("asked") == {}
