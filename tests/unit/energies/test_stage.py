"""The energies of a table: in chunks, resumed, bounded, with the speed told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from ase.build import bulk

from lodestone.energies import identity, stage
from lodestone.energies.estimators import estimator_and_guards
from lodestone.energies.evaluation import energies
from lodestone.energies.settings import EnergySettings
from lodestone.runtime.progress import reporter
from lodestone.runtime.signals import Stopped
from lodestone.structures import table

PARAMS: dict[str, Any] = {"energy": {"estimator": {"kind": "ase", "calculator": "emt", "arguments": {}}}}
EMT = EnergySettings.model_validate(PARAMS)
OPTIONAL = EnergySettings.model_validate(PARAMS | {"optional": True})


def crystals(n: int) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    found = []
    for k in range(n):
        atoms = bulk("Cu", "fcc", a=3.5 + 0.01 * (k % 30), cubic=True)
        atoms.positions += rng.normal(scale=0.05, size=(4, 3))
        found.append(atoms)
    return table.from_ase([f"s{k}" for k in range(n)], found)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "CHUNK", 8)


def test_chunks_give_what_the_whole_gives_and_no_more_is_evaluated_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, sizes = crystals(30), []

    def watched(chunk: pl.DataFrame, *made: Any) -> pl.DataFrame:
        sizes.append(len(chunk))
        return energies(chunk, *made)

    monkeypatch.setattr(stage, "energies", watched)
    found = stage.evaluated(rows, EMT, state=tmp_path, stage="energy")
    assert sizes == [8, 8, 8, 6]
    assert found.rows.equals(energies(rows, *estimator_and_guards(PARAMS)))


def test_a_stopped_stage_goes_on_and_another_model_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, calls = crystals(30), []

    def counted(chunk: pl.DataFrame, *made: Any) -> pl.DataFrame:
        calls.append(chunk["id"][0])
        return energies(chunk, *made)

    monkeypatch.setattr(stage, "energies", counted)
    requests = ["SIGTERM"]
    monkeypatch.setattr("lodestone.runtime.signals._requests", requests)
    for settings in (EMT, OPTIONAL):  # being stopped is no failure of an estimator
        with pytest.raises(Stopped):
            stage.evaluated(rows, settings, state=tmp_path / str(len(settings.params())), stage="energy")
    requests.clear()
    calls.clear()
    whole = stage.evaluated(rows, EMT, state=tmp_path / "1", stage="energy")
    assert calls == ["s8", "s16", "s24"]
    calls.clear()
    monkeypatch.setattr(
        identity, "identity", lambda *_: {"name": "x", "kind": "ase", "sha256": "another", "settings": {}}
    )
    again = stage.evaluated(rows, EMT, state=tmp_path / "1", stage="energy")
    assert calls == ["s0", "s8", "s16", "s24"]
    assert again.rows.equals(whole.rows)


def test_what_is_written_says_who_made_it_and_how_many_have_none(tmp_path: Path) -> None:
    rows = crystals(4)
    rows = rows.with_columns(
        pl.when(pl.col("id") == "s2").then([99] * 4).otherwise("numbers").alias("numbers")
    )
    found = stage.evaluated(
        rows.cast({"numbers": pl.List(pl.Int16)}), EMT, state=tmp_path / "s", stage="energy"
    )
    found.write(found.rows, tmp_path / "energy.parquet")
    maker = identity.read(tmp_path / "energy.parquet")
    assert maker is not None
    assert (maker["structures"], maker["without_energy"]) == (4, 1)
    assert maker["settings"] == EMT.energy.estimator
    assert identity.makers(tmp_path) == []
    found.write(found.rows, tmp_path / "reference_energies.parquet")
    found.write(found.rows, tmp_path / "reference_energies" / "ase-1.parquet")
    assert len(identity.makers(tmp_path)) == 2


def test_an_optional_estimator_that_breaks_down_leaves_a_reason_in_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> pl.DataFrame:
        raise RuntimeError("out of order")

    monkeypatch.setattr(stage, "energies", broken)
    with pytest.raises(RuntimeError, match="out of order"):
        stage.evaluated(crystals(3), EMT, state=tmp_path, stage="energy")
    found = stage.evaluated(crystals(3), OPTIONAL, state=tmp_path, stage="energy")
    assert found.rows["energy_per_atom"].null_count() == 3
    assert set(found.rows["energy_failure"]) == {"no ase estimator: RuntimeError: out of order"}
    assert "out of order" in found.maker["failure"]


def test_a_full_disk_is_no_failure_of_an_estimator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> pl.DataFrame:
        raise PermissionError("no right to write")

    monkeypatch.setattr(stage, "in_chunks", full)
    with pytest.raises(PermissionError):
        stage.evaluated(crystals(3), OPTIONAL, state=tmp_path, stage="energy")


def test_the_speed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 0.0, 10.0, 20.0])
    report = reporter("energy", clock=lambda: next(times), resumes=True, things="structures")
    for done in (100, 600, 1100):
        report(done, 1100)
    lines = capsys.readouterr().err.splitlines()
    assert lines[1:] == [
        "energy: 600/1100, 10 s elapsed, ETA 10 s, 50 structures/s",
        "energy: 1100/1100, 20 s elapsed, ETA 0 s, 50 structures/s",
    ]
    assert lines[0].endswith("ETA unknown")
