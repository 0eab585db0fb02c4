"""Structures from elsewhere as samples: nothing is lost, nothing is read twice, names are kept."""

import numpy as np
import polars as pl
import pytest
from ase import Atoms
from ase.io import write

from lodestone.structures import table
from lodestone.structures.files import UnknownFormatError, count_entries, read_entries
from lodestone.structures.imported import NothingToImportError, imported


def crystals(n):
    rng = np.random.default_rng(0)
    return [
        Atoms("LiCoO2", cell=np.eye(3) * 4 + i, scaled_positions=rng.uniform(size=(4, 3)), pbc=True)
        for i in range(n)
    ]


@pytest.fixture
def files(tmp_path):
    """The same three crystals in every form, each with one more that is broken."""
    good = crystals(3)
    broken = good[0].copy()
    broken.positions[1] = np.nan
    write(tmp_path / "some.extxyz", [*good, broken])
    folder = tmp_path / "folder"
    folder.mkdir()
    for i, atoms in enumerate(good):
        write(folder / f"{i}.cif", atoms)
    (folder / "9.cif").write_text("data_nothing\n")
    rows = table.from_ase([f"run/arm/{i}" for i in range(4)], [*good, good[0]]).with_columns(
        failed=pl.Series([False, False, False, True]),
        failure=pl.Series([None, None, None, "blew up"], dtype=pl.String),
        lineage=pl.Series([5, 5, 9, 9], dtype=pl.Int32),
    )
    table.write_table(rows, tmp_path / "some.parquet")
    return tmp_path


@pytest.mark.parametrize("name", ["some.extxyz", "folder", "some.parquet"])
def test_every_structure_has_its_row_and_broken_ones_are_marked(files, name):
    seen = []
    found = imported(files / name, "campaign", "mine", lambda done, total: seen.append((done, total)))
    assert found["id"].to_list() == [f"campaign/mine/0000/{i:05d}" for i in range(4)]
    assert found["failed"].to_list() == [False, False, False, True]
    assert found["failure"].null_count() == 3
    assert found["failure"][3].startswith("could not be read: ")
    assert found["arm"].unique().to_list() == ["mine"]
    assert seen == [(i, 4) for i in (1, 2, 3, 4)]
    for atoms, own in zip(crystals(3), table.to_ase(found[:3]), strict=True):
        assert own.get_chemical_formula() == atoms.get_chemical_formula()
        np.testing.assert_allclose(
            own.get_all_distances(mic=True), atoms.get_all_distances(mic=True), atol=1e-5
        )
    assert found["numbers"][3].to_list() == []
    assert np.isnan(found["cell"][3].to_numpy()).all()


@pytest.mark.parametrize("name", ["some.extxyz", "folder", "some.parquet"])
def test_counting_agrees_with_reading(files, name):
    assert count_entries(files / name) == len(list(read_entries(files / name))) == 4


def test_own_names_and_lineages_are_kept(files):
    from_table = imported(files / "some.parquet", "c", "mine")
    assert from_table["imported_id"].to_list() == [f"run/arm/{i}" for i in range(4)]
    assert from_table["lineage"].to_list() == [0, 0, 1, 1]
    alone = imported(files / "some.extxyz", "c", "mine")
    assert alone["lineage"].to_list() == [0, 1, 2, 3]
    assert imported(files / "folder", "c", "mine")["imported_id"].to_list() == [
        "0.cif",
        "1.cif",
        "2.cif",
        "9.cif",
    ]


def test_nothing_to_import_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToImportError, match=r"empty: no structure could be read"):
        imported(tmp_path / "empty", "c", "mine")
    (tmp_path / "bad.cif").write_text("nonsense")
    with pytest.raises(
        NothingToImportError, match=r"bad\.cif: no structure could be read: bad\.cif: no struc"
    ):
        imported(tmp_path / "bad.cif", "c", "mine")
    (tmp_path / "some.dat").write_text("1")
    with pytest.raises(UnknownFormatError, match=r"some\.dat: structures are read from \.cif"):
        imported(tmp_path / "some.dat", "c", "mine")
