"""The table of references: what is refused, what lies inside a system."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lodestone.references.source import ReferenceSourceError
from lodestone.references.table import SCHEMA, checked, read_references, systems_of, within_system
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
        (lambda t: t.with_columns(energy_per_atom=pl.lit(float("nan"))), "numbers are not finite"),
        (lambda t: t.with_columns(frac=pl.col("frac").list.eval(pl.element() / 0)), "numbers are not finite"),
        (lambda t: t.with_columns(chemical_system=pl.lit("Co-O")), "system is not that of the atoms"),
        (lambda t: t.with_columns(chemical_system=pl.lit("O-Co")), "system is not that of the atoms"),
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


def test_the_system_of_atoms_is_sorted_by_symbol_and_null_for_no_element() -> None:
    numbers = pl.Series([[8, 27, 27], [3], [119], [0, 8]], dtype=pl.List(pl.Int16))
    assert systems_of(numbers).to_list() == ["Co-O", "Li", None, None]
