from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from lodestone.energies.chunks import clear, fingerprint, in_chunks

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
