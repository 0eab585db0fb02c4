from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from lodestone.runtime.checkpoints import clear, fingerprint, in_chunks, save
from lodestone.runtime.signals import Stopped

ROWS = pl.DataFrame({"id": [f"s{i}" for i in range(10)], "x": [float(i) for i in range(10)]})


def _run(state: Path, work, rows: pl.DataFrame = ROWS, key: dict | None = None) -> pl.DataFrame:
    return in_chunks(rows, work, size=4, state=state, key=key or {}, progress=lambda *_: None)


def _double(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(y=pl.col("x") * 2)


def test_all_rows_in_order_and_progress_counts_rows(tmp_path: Path) -> None:
    seen = []
    found = in_chunks(ROWS, _double, size=4, state=tmp_path, key={}, progress=lambda *p: seen.append(p))
    assert found["y"].to_list() == [2.0 * i for i in range(10)]
    assert seen == [(0, 10), (4, 10), (8, 10), (10, 10)]


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    calls: list[str] = []

    def work(rows: pl.DataFrame) -> pl.DataFrame:
        calls.append(rows["id"][0])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return _double(rows)

    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, work)
    found = _run(tmp_path, work)
    assert calls == ["s0", "s4", "s4", "s8"]
    assert found.equals(_run(tmp_path / "other", _double))


def test_the_state_of_other_inputs_is_never_picked_up(tmp_path: Path) -> None:
    _run(tmp_path, _double)
    changed = ROWS.with_columns(x=pl.col("x") + 1)
    assert _run(tmp_path, _double, changed)["y"][0] == 2.0
    assert _run(tmp_path, lambda r: r.with_columns(y=pl.col("x") * 3), key={"a": 1})["y"][1] == 3.0


def test_nothing_to_do_gives_an_empty_table_with_its_columns(tmp_path: Path) -> None:
    assert _run(tmp_path, _double, ROWS.clear()).columns == ["id", "x", "y"]


def test_clear_removes_everything(tmp_path: Path) -> None:
    _run(tmp_path / "state", _double)
    clear(tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_fingerprint_sees_order_values_and_key() -> None:
    assert fingerprint(ROWS, {}) == fingerprint(ROWS.clone(), {})
    different = {fingerprint(ROWS, {}), fingerprint(ROWS.reverse(), {}), fingerprint(ROWS, {"a": 1})}
    assert len(different) == 3


@pytest.mark.parametrize("content", [b"", b"PAR1garbage", None])
def test_a_broken_chunk_is_kept_aside_and_made_again_and_no_other(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = _run(tmp_path, _double)
    chunk = sorted(tmp_path.rglob("*.parquet"))[1]
    before = chunk.read_bytes()
    if content is None:
        save(_double(ROWS.slice(0, 4)), chunk)  # readable, of other structures
    else:
        chunk.write_bytes(content)
    calls, seen = [], []

    def work(rows: pl.DataFrame) -> pl.DataFrame:
        calls.append(rows["id"][0])
        return _double(rows)

    found = in_chunks(ROWS, work, size=4, state=tmp_path, key={}, progress=lambda *p: seen.append(p))
    assert calls == ["s4"]
    assert seen == [(6, 10), (10, 10)]
    assert found.equals(whole)
    assert chunk.read_bytes() == before
    assert chunk.with_name("00001.parquet.broken").exists()
    assert "00001.parquet is broken" in capsys.readouterr().err


def test_asked_to_stop_it_keeps_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def work(rows: pl.DataFrame) -> pl.DataFrame:
        asked.append("SIGUSR2")
        return _double(rows)

    monkeypatch.setattr("lodestone.runtime.signals._requests", asked)
    with pytest.raises(Stopped, match=r"\(SIGUSR2\), 4 of 10 finished"):
        _run(tmp_path, work)
    asked.clear()
    with pytest.raises(Stopped, match=r"8 of 10"):
        _run(tmp_path, work)
    asked.clear()
    found = _run(tmp_path, work)  # asked during the last chunk: it just ends
    asked.clear()
    assert found.equals(_run(tmp_path / "other", _double))
