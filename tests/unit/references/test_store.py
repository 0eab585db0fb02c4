"""The table of references and where it comes from."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lodestone.references import registry, sources
from lodestone.references.registry import find_source, source_names
from lodestone.references.source import ReferenceSourceError
from lodestone.references.store import SCHEMA, checked, gather, read_references, within_system
from lodestone.structures import table

SYSTEMS = ["Li", "Co-O", "Co-Li-O", "B", "Co-Fe-O"]


def references(source: str = "library") -> pl.DataFrame:
    """One made-up row for each of SYSTEMS."""
    from ase.data import atomic_numbers

    numbers = [np.array([atomic_numbers[e] for e in s.split("-")]) for s in SYSTEMS]
    return table.from_arrays(
        [f"{source}/{i}" for i in range(len(SYSTEMS))],
        numbers,
        [np.eye(3) * 4] * len(SYSTEMS),
        [np.linspace(0, 0.9, 3 * len(z)) for z in numbers],
    ).with_columns(
        formula=pl.Series([s.replace("-", "") for s in SYSTEMS]),
        chemical_system=pl.Series(SYSTEMS),
        source=pl.lit(source),
        source_id=pl.Series([str(i) for i in range(len(SYSTEMS))]),
        energy_per_atom=pl.lit(-1.0),
        e_above_hull=pl.lit(None, dtype=pl.Float64),
        licence=pl.lit("CC0"),
        retrieved=pl.lit("2026-04-14"),
    )


def test_systems_include_their_sub_systems_in_order() -> None:
    found = within_system(references(), ["Li", "Co", "O"])
    assert found["chemical_system"].to_list() == ["Li", "Co-O", "Co-Li-O"]
    assert within_system(references(), ["O"]).height == 0


def test_a_written_table_is_read_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "references.parquet"
    table.write_table(references().select(reversed(list(SCHEMA))), path)
    found = read_references(path)
    assert found.schema == pl.Schema(SCHEMA)
    assert found.equals(references().select(list(SCHEMA)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop("licence", "source"), "missing columns: source, licence"),
        (lambda t: t.with_columns(energy_per_atom=pl.lit("high")), "not of its type"),
        (lambda t: t.with_columns(licence=pl.lit(None)), "values missing in rows"),
        (lambda t: t.with_columns(source_id=pl.lit("7")), "ids are not source/source_id"),
        (lambda t: pl.concat([t, t]), "ids are repeated"),
        (lambda t: t.with_columns(frac=pl.col("frac").list.head(2)), "positions do not fit"),
        (lambda t: t.with_columns(pl.col("numbers", "frac").list.head(0)), "no atoms"),
    ],
)
def test_wrong_tables_are_refused_by_file_and_fault(tmp_path: Path, change, message: str) -> None:
    path = tmp_path / "wrong.parquet"
    table.write_table(change(references()), path)
    with pytest.raises(ReferenceSourceError, match=message) as error:
        read_references(path)
    assert str(path) in str(error.value)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_text("no table")
    for path in (broken, tmp_path / "missing.parquet"):
        with pytest.raises(ReferenceSourceError, match=path.name):
            read_references(path)


def test_energies_may_be_absent() -> None:
    assert checked(references().with_columns(energy_per_atom=pl.lit(None)))["energy_per_atom"].is_null().all()


def test_embedded_references_are_a_checked_table_of_the_system() -> None:
    found = gather(["embedded"], ["Li", "Co", "O"])
    assert found.schema == pl.Schema(SCHEMA)
    assert {"Co-Li-O", "Co-O", "Li-O", "Co-Li", "Li", "Co", "O"} == set(found["chemical_system"])
    assert found.filter(pl.col("chemical_system") == "Co-Li-O").height > 50
    assert found["e_above_hull"].min() == pytest.approx(0, abs=1e-9)
    assert found["energy_per_atom"].is_finite().all()
    for row in found.iter_rows(named=True):
        dt.date.fromisoformat(row["retrieved"])
        _, cell, frac = table.arrays(row)
        assert np.isfinite(frac).all()
        assert abs(np.linalg.det(cell)) > 1


def test_missing_asset_is_named(tmp_path: Path) -> None:
    from lodestone.references.sources.embedded import EmbeddedSource

    with pytest.raises(ReferenceSourceError, match="embedded references are missing"):
        EmbeddedSource(path=tmp_path / "none.parquet").load(["Li"])


def test_unknown_sources_are_named_with_what_there_is() -> None:
    with pytest.raises(
        ReferenceSourceError, match=r"unknown reference source 'nowhere'; there are: .*embedded"
    ):
        gather(["nowhere"], ["Li"])


def test_a_new_file_is_a_new_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table.write_table(references("archive"), tmp_path / "archive.parquet")
    (tmp_path / "archive.py").write_text(
        "from pathlib import Path\n"
        "from lodestone.references.source import Source\n"
        "from lodestone.references.store import read_references, within_system\n"
        "class Archive(Source):\n"
        "    def load(self, elements):\n"
        "        return within_system(read_references(Path(__file__).with_suffix('.parquet')), elements)\n"
    )
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path)])
    assert source_names() == ("archive", "embedded")
    found = gather(["archive", "embedded"], ["Li"])
    assert found["source"].unique(maintain_order=True).to_list() == ["archive", "embedded"]
    assert gather(["embedded", "archive"], ["Li"])["source"][0] == "embedded"


def test_every_source_file_holds_one_source() -> None:
    for name in registry.source_names():
        assert find_source(name).model_config["frozen"]


def test_no_references_is_an_empty_table() -> None:
    found = gather(["embedded"], ["Xe"])
    assert found.height == 0
    assert found.schema == pl.Schema(SCHEMA)
