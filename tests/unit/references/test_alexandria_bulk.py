"""Alexandria's files: whole, cut off, broken in places, in constant memory."""

from __future__ import annotations

import bz2
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pymatgen.core import Structure
from pymatgen.entries.computed_entries import ComputedStructureEntry

from lodestone.references.source import Batch, ReferenceSourceError
from lodestone.references.sources.alexandria_bulk import AlexandriaBulkSource
from lodestone.references.table import checked


def entry(n: int, **changed) -> dict:
    """An entry as pymatgen writes it, with the data of Alexandria's files."""
    a = 4 + n / 1000
    structure = Structure(np.eye(3) * a, ["Li", "Co", "O", "O"], np.linspace(0, 0.9, 12).reshape(4, 3))
    data = {
        "mat_id": f"agm{n:09}",
        "formula": "LiCoO2",
        "nsites": 4,
        "spg": 166,
        "energy_total": -20.0 - n,
        "energy_corrected": -21.0 - n,
        "e_above_hull": n / 100,
        "e_form": -1.5,
        "decomposition": "Li2O O2 CoO",
    }
    return ComputedStructureEntry(structure, -20.0 - n, data=data | changed, entry_id=None).as_dict()


def write(path: Path, entries: list) -> Path:
    path.write_bytes(bz2.compress(json.dumps({"entries": entries}).encode()))
    return path


def read(path, batch: int = 2_000) -> list[Batch]:
    source = AlexandriaBulkSource(name="alex", licence="CC-BY-4.0", path=path, batch=batch)
    return list(source.batches(lambda *_: None))


def test_rows_are_what_the_files_hold(tmp_path: Path) -> None:
    write(tmp_path / "alexandria_000.json.bz2", [entry(n) for n in range(25)])
    write(tmp_path / "alexandria_001.json.bz2", [entry(n) for n in range(25, 30)])
    (tmp_path / "other.json.bz2").write_text("not read")
    told = list[tuple[int, int | None]]()
    source = AlexandriaBulkSource(name="alex", licence="CC-BY-4.0", path=tmp_path, batch=10)
    found = list(source.batches(lambda n, of: told.append((n, of))))
    assert [b.rows.height for b in found] == [10, 10, 5, 5]
    assert [b.origin["file"][11:14] for b in found] == ["000", "000", "000", "001"]
    assert told == [(10, None), (20, None), (25, None), (30, None)]
    rows = checked(pl.concat(b.rows for b in found))
    assert rows["source_id"].to_list() == [f"agm{n:09}" for n in range(30)]
    assert rows["energy_per_atom"].to_list() == [(-20.0 - n) / 4 for n in range(30)]
    assert rows["e_above_hull"].to_list() == [n / 100 for n in range(30)]
    assert set(rows["formula"]) == {"LiCoO2"}
    assert set(rows["chemical_system"]) == {"Co-Li-O"}
    row = rows.row(7, named=True)
    assert row["numbers"] == [3, 27, 8, 8]
    np.testing.assert_allclose(row["cell"], np.eye(3).ravel() * 4.007, atol=1e-12)
    np.testing.assert_allclose(row["frac"], np.linspace(0, 0.9, 12), atol=1e-12)


def test_a_list_of_files_is_read_in_its_order(tmp_path: Path) -> None:
    files = tuple(write(tmp_path / f"{n}.json.bz2", [entry(n)]) for n in (2, 1))
    assert [b.rows["source_id"][0] for b in read(files)] == ["agm000000002", "agm000000001"]


def broken() -> dict[str, list]:
    mixed = entry(1)
    mixed["structure"]["sites"][0]["species"] = [
        {"element": "Li", "occu": 0.5},
        {"element": "Na", "occu": 0.5},
    ]
    partly = entry(2)
    partly["structure"]["sites"][0]["species"][0]["occu"] = 0.5
    slab = entry(3)
    slab["structure"]["lattice"]["pbc"] = [True, True, False]
    dummy = entry(4)
    dummy["structure"]["sites"][0]["species"][0]["element"] = "X"
    far = entry(5)
    far["structure"]["sites"][0]["xyz"] = [None, 0, 0]
    return {
        "disordered: partial occupation, vacancies or attached atoms": [mixed, partly],
        "not periodic in three directions": [slab],
        "a site without a known element": [dummy],
        "a cell or positions with values that are no finite numbers": [far],
        "no cell, positions or species": [
            entry(6) | {"structure": None},
            "no entry",
            entry(7) | {"structure": {}},
        ],
        "no id": [entry(8, mat_id=None), entry(9) | {"data": None}],
    }


def test_broken_entries_are_counted_and_the_others_kept(tmp_path: Path) -> None:
    wrong = [e for entries in broken().values() for e in entries]
    write(tmp_path / "alexandria_000.json.bz2", [entry(0), *wrong, entry(99)])
    (found,) = read(tmp_path)
    assert found.left_out == {reason: len(entries) for reason, entries in broken().items()}
    assert found.rows["source_id"].to_list() == ["agm000000000", "agm000000099"]


def test_energies_may_be_elsewhere_or_missing(tmp_path: Path) -> None:
    other = entry(1, energy_total=None, e_above_hull="?")
    nothing = entry(2, energy_total=None) | {"energy": None}
    (found,) = read((write(tmp_path / "a.json.bz2", [other, nothing]),))
    assert found.rows["energy_per_atom"].to_list() == [-21 / 4, None]
    assert found.rows["e_above_hull"].to_list() == [None, 0.02]


def test_positions_without_cartesian_ones(tmp_path: Path) -> None:
    bare = entry(1)
    for site in bare["structure"]["sites"]:
        del site["xyz"]
    (found,) = read((write(tmp_path / "a.json.bz2", [bare]),))
    np.testing.assert_allclose(found.rows["frac"][0], np.linspace(0, 0.9, 12), atol=1e-12)


def test_files_that_are_cut_off_are_named_with_the_entry(tmp_path: Path) -> None:
    path = tmp_path / "alexandria_000.json.bz2"
    text = json.dumps({"entries": [entry(n) for n in range(40)]}).encode()
    # bzip2 ends too early
    path.write_bytes(bz2.compress(text)[:-20])
    with pytest.raises(
        ReferenceSourceError, match=r"alex: .*alexandria_000.json.bz2: cut off .* after entry \d+"
    ):
        read(tmp_path)
    # JSON ends too early
    path.write_bytes(bz2.compress(text[: text.index(b"agm000000017")]))
    with pytest.raises(ReferenceSourceError, match=r"after entry 17: .*download the file again"):
        read(tmp_path)
    # neither
    path.write_bytes(b"<html>404</html>")
    with pytest.raises(ReferenceSourceError, match="after entry 0: Invalid data stream"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"data": [1]}', b'{"entries": []}'])
def test_files_without_entries_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "alexandria_000.json.bz2"
    path.write_bytes(bz2.compress(content))
    with pytest.raises(ReferenceSourceError, match=f"{path}: holds no list `entries` with entries"):
        read(tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReferenceSourceError, match=r"no alexandria_\*.json.bz2 in .*set `path`"):
        read(tmp_path)
    with pytest.raises(ReferenceSourceError, match=r"no file .*none.json.bz2"):
        read((tmp_path / "none.json.bz2",))
    with pytest.raises(ReferenceSourceError, match=r"no alexandria_\*.json.bz2 in "):
        read(())


MEASURE = """
import resource, sys
from pathlib import Path
from lodestone.references.sources.alexandria_bulk import AlexandriaBulkSource
source = AlexandriaBulkSource(name="alex", path=Path(sys.argv[1]), batch=200)
n = sum(b.rows.height for b in source.batches(lambda *_: None))
print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(path: Path) -> tuple[int, int]:
    """Rows, and the most memory of a process that reads them, in KiB."""
    command = [sys.executable, "-c", MEASURE, str(path)]
    n, memory = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(n), int(memory)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_entries(tmp_path: Path) -> None:
    some = json.dumps([entry(n) for n in range(250)])[1:-1]
    for name, times in (("small", 1), ("large", 40)):
        folder = tmp_path / name
        folder.mkdir()
        text = '{"entries": [' + ", ".join([some] * times) + "]}"
        (folder / "alexandria_000.json.bz2").write_bytes(bz2.compress(text.encode(), 1))
    size = len(some) * 40 / 1024  # KiB of JSON, a third of what its objects would need
    (few, small), (many, large) = peak(tmp_path / "small"), peak(tmp_path / "large")
    assert (few, many) == (250, 10_000)
    assert large - small < 0.5 * size
