"""Work on rows by several processes, and a stage that goes on after it was stopped."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl
import pytest

from benchmarks.duplicates.synthetic import duplicated_crystals
from lodestone.curation.screening import ScreenLimits, screening_table
from lodestone.curation.symmetry import symmetry_table
from lodestone.runtime import processes as module
from lodestone.runtime.checkpoints import in_chunks
from lodestone.runtime.processes import by_rows
from lodestone.structures import table


@pytest.fixture(scope="module")
def samples() -> pl.DataFrame:
    crystals, _ = duplicated_crystals(60, 5, seed=1)
    crystals[7] = (crystals[7][0], np.full((3, 3), np.nan), crystals[7][2])
    return table.from_arrays([str(i) for i in range(60)], *zip(*crystals, strict=True))


def test_two_processes_write_what_one_writes(samples: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(module, "BLOCK", 17)
    symmetrize = partial(symmetry_table, symprec=[0.01, 0.1], max_displacement=0.1)
    screen = partial(screening_table, limits=ScreenLimits(("Co", "Li", "O")))
    calls: list[tuple[int, int]] = []
    one = by_rows(symmetrize, samples)
    assert by_rows(symmetrize, samples, processes=2, progress=lambda *a: calls.append(a)).equals(one)
    assert calls[-1] == (60, 60)
    assert by_rows(screen, one, processes=2).equals(by_rows(screen, one))
    assert one["symmetrize_failure"].null_count() == 59


def test_a_stopped_stage_goes_on_from_its_chunks(samples: pl.DataFrame, tmp_path) -> None:
    work = partial(symmetry_table, symprec=[0.01, 0.1], max_displacement=0.1)
    expected, handled = work(samples), []

    def counted(rows: pl.DataFrame, most: int) -> pl.DataFrame:
        if len(handled) == most:
            raise KeyboardInterrupt
        handled.append(len(rows))
        return by_rows(work, rows)

    options = {"size": 20, "state": tmp_path, "key": {}, "progress": lambda *_: None}
    with pytest.raises(KeyboardInterrupt):
        in_chunks(samples, lambda rows: counted(rows, 2), **options)
    assert in_chunks(samples, lambda rows: counted(rows, 9), **options).equals(expected)
    assert handled == [20, 20, 20]
