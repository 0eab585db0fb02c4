"""Batches that are lost or broken are made again as they were; what is intact is not touched."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from lodestone.runtime.checkpoints import save
from lodestone.runtime.signals import Stopped
from lodestone.sampling.batches import SCHEMA, batch_path, folder_of
from lodestone.sampling.shard import collect, sample_shard

pytestmark = pytest.mark.slow


def _tests_of_memory() -> ModuleType:
    path = Path(__file__).parents[1] / "runtime" / "test_memory.py"
    spec = importlib.util.spec_from_file_location("tests_of_memory", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


shards = _tests_of_memory()
plan, sampled, Small, PLAIN = shards.plan, shards.sampled, shards.Small, shards.PLAIN


class Narrow(Small):  # type: ignore[misc,valid-type]
    """Memory that gets smaller after so many calls of the network."""

    def __init__(self, holds: int, calls: int, later: int) -> None:
        super().__init__(holds)
        self._calls, self._later = calls, later

    def score(self, state, t):  # type: ignore[no-untyped-def]
        self.holds = self._later if len(self.asked) >= self._calls else self.holds
        return super().score(state, t)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("batch-*.parquet"))}


def starts(folder: Path) -> list[int]:
    return [int(path.name[6:14]) for path in sorted(folder.glob("batch-*.parquet"))]


@pytest.fixture
def halved(tmp_path: Path) -> tuple[Path, dict[str, bytes], pl.DataFrame]:
    """A shard whose first batches have eight structures, and the others four."""
    assert sampled(Narrow(8, 8, 4), tmp_path, batch_size=8) == [0, 8, 16, 20, 22]
    assert starts(tmp_path) == [0, 8, 16, 20]
    return tmp_path, contents(tmp_path), collect(plan(), tmp_path)


@pytest.mark.parametrize(
    ("lost", "seen"),
    [((0,), [14, 22]), ((8,), [14, 22]), ((20,), [20, 22]), ((0, 8), [6, 14, 22]), ((8, 16), [10, 18, 22])],
)
@pytest.mark.parametrize("damage", ["truncated", "empty", "deleted", "other rows"])
def test_lost_batches_come_back_as_they_were(halved, lost, seen, damage) -> None:  # type: ignore[no-untyped-def]
    folder, before, whole = halved
    for offset in lost:
        path = batch_path(folder, offset)
        if damage == "other rows":
            save(whole.slice(offset + 1, 2), path)
        elif damage == "deleted":
            path.rename(path.with_name(f"{path.name}.broken"))
        else:
            path.write_bytes(path.read_bytes()[:500] if damage == "truncated" else b"")
    again = Small(100)
    assert sampled(again, folder, batch_size=8) == seen
    assert len(again.asked) == 4 * len(lost)  # calls of a batch; nothing intact is made again
    assert contents(folder) == before
    assert collect(plan(), folder).equals(whole)
    assert len(list(folder.glob("*.broken"))) == len(lost)


@pytest.mark.parametrize("content", ["", "{", "[4]", '{"batch_size": "4"}', '{"batch_size": -1}', "\0\0"])
def test_a_broken_note_of_the_size_is_set_aside(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "batch_size.json").write_text(content)
    assert sampled(Small(100), tmp_path, batch_size=16) == [0, 16, 22]
    assert (tmp_path / "batch_size.json.broken").read_text() == content
    assert "batch_size.json is broken" in capsys.readouterr().err


def test_a_batch_of_another_seed_shard_or_size_is_not_believed(tmp_path: Path) -> None:
    sampled(Small(100), tmp_path, batch_size=8)
    before = contents(tmp_path)
    path = batch_path(tmp_path, 8)
    rows = pl.read_parquet(path)
    wrong = (
        rows.with_columns(pl.col("seed") + 1),
        rows.with_columns(pl.col("id").str.replace("/0000/", "/0001/")),
        rows.with_columns(pl.lit(4, dtype=pl.Int32).alias("batch_size")),
        rows.drop("ancestry"),
        rows.with_columns(pl.col("index").cast(pl.Int64)),
        rows.clear(),
        pl.concat([rows, rows, rows]),
    )
    for odd in wrong:
        save(odd, path)
        assert sampled(Small(100), tmp_path, batch_size=8) == [14, 22]
        assert contents(tmp_path) == before


def test_every_column_is_declared(tmp_path: Path) -> None:
    sampled(Small(100), tmp_path)
    assert dict(collect(plan(), tmp_path).schema) == SCHEMA


def test_a_gap_of_which_a_part_no_longer_fits_is_filled_in_parts(halved) -> None:  # type: ignore[no-untyped-def]
    folder, _, whole = halved
    batch_path(folder, 0).write_bytes(b"")
    assert sampled(Small(5), folder, batch_size=8) == [14, 18, 22]
    assert collect(plan(), folder)["id"].equals(whole["id"])


def test_an_unfinished_shard_is_never_collected(tmp_path: Path) -> None:
    sampled(Small(100), tmp_path, batch_size=8)
    batch_path(tmp_path, 8).write_bytes(b"")
    with pytest.raises(OSError, match="missing or broken"):
        collect(plan(), tmp_path)


class Asked(Small):  # type: ignore[misc,valid-type]
    """Asks its job to stop at a call of the network."""

    def __init__(self, asked: list[str], at: int) -> None:
        super().__init__(100)
        self._requests, self._at = asked, at

    def score(self, state, t):  # type: ignore[no-untyped-def]
        if len(self.asked) == self._at:
            self._requests.append("SIGTERM")
        return super().score(state, t)


def test_asked_to_stop_a_shard_ends_inside_its_batch_or_after_it(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    asked: list[str] = []
    monkeypatch.setattr("lodestone.runtime.signals._requests", asked)
    steps = sample_shard(Asked(asked, 3), plan(batch_size=8), PLAIN, tmp_path)  # in its last level
    assert [next(steps)[0], next(steps)[0]] == [0, 8]
    with pytest.raises(Stopped, match=r"\(SIGTERM\), 8 of 22 structures finished; "):
        next(steps)
    asked.clear()
    steps = sample_shard(Asked(asked, 4), plan(batch_size=8), PLAIN, tmp_path)  # in the first of another one
    assert [next(steps)[0], next(steps)[0]] == [8, 16]
    with pytest.raises(Stopped, match=r"16 of 22 structures finished, batch 16 at level 1 of 2; "):
        next(steps)
    asked.clear()
    again = Asked(asked, 1)
    assert sampled(again, tmp_path, batch_size=8) == [16, 22]  # asked in its last batch it just ends
    assert len(again.asked) == 2
    asked.clear()
    assert collect(plan(), tmp_path).equals(_whole(tmp_path / "whole"))


def _whole(folder: Path) -> pl.DataFrame:
    sampled(Small(100), folder, batch_size=8)
    return collect(plan(), folder)


def test_the_state_of_other_settings_is_never_picked_up(tmp_path: Path) -> None:
    settings = {"arm": {"name": "a"}, "sampling": {"steps": 6, "batch_size": 4}}
    folder = folder_of(tmp_path, settings)
    assert folder.parent == tmp_path
    assert folder_of(tmp_path, {**settings, "sampling": {"steps": 6, "batch_size": 8}}) == folder
    assert folder_of(tmp_path, {**settings, "sampling": {"steps": 7, "batch_size": 4}}) != folder
    assert folder_of(tmp_path, {**settings, "arm": {"name": "b"}}) != folder
