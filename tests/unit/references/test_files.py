"""Your own files as a source: structures with energies from a CSV or from extxyz, and every way to err."""

from __future__ import annotations

import datetime as dt
import os
import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from lodestone.references.source import Batch, ReferenceSourceError
from lodestone.references.sources.files import FilesSource
from lodestone.references.table import checked

ELEMENTS = ("Co", "Li", "O")


def rocksalt(metal: str = "Co", *, times: int = 1) -> Atoms:
    cell = 2.1 * (np.ones((3, 3)) - np.eye(3))
    return Atoms([metal, "O"], scaled_positions=[[0, 0, 0], [0.5] * 3], cell=cell, pbc=True) * (times, 1, 1)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Three structures: two CIFs, one below a folder, and a POSCAR."""
    folder = tmp_path / "lab"
    (folder / "more").mkdir(parents=True)
    write(folder / "coo.cif", rocksalt())
    write(folder / "more" / "coo2.cif", rocksalt(times=2))
    write(folder / "POSCAR", rocksalt("Fe"), format="vasp")
    (folder / "notes.txt").write_text("nothing here")
    return folder


def asked(lab: Path, csv: str | None = None) -> Batch:
    energies = None
    if csv is not None:
        energies = lab.parent / "energies.csv"
        energies.write_text(csv, encoding="utf-8")
    source = FilesSource(name="lab", path=lab, energies=energies, licence="internal")
    return source.read((*ELEMENTS, "Fe"))


def energies_of(batch: Batch) -> dict[str, float | None]:
    return dict(batch.rows.select("source_id", "energy_per_atom").iter_rows())


def test_structures_without_energies_are_references_too(lab: Path) -> None:
    found = asked(lab)
    rows = checked(found.rows)
    assert rows["id"].to_list() == ["lab/POSCAR", "lab/coo.cif", "lab/more/coo2.cif"]
    assert rows["formula"].to_list() == ["FeO", "CoO", "CoO"]
    assert rows["licence"].unique().to_list() == ["internal"]
    assert rows["energy_per_atom"].is_null().all()
    volumes = [abs(np.linalg.det(np.reshape(cell, (3, 3)))) for cell in rows["cell"].to_list()]
    assert volumes == pytest.approx([2 * 2.1**3, 2 * 2.1**3, 4 * 2.1**3], rel=1e-6)
    assert found.left_out == {}


def test_only_the_asked_elements_come(lab: Path) -> None:
    rows = FilesSource(name="lab", path=lab).load(ELEMENTS)
    assert rows["source_id"].to_list() == ["coo.cif", "more/coo2.cif"]
    assert FilesSource(name="lab", path=lab).load(["B"]).height == 0


def test_the_date_is_that_of_the_file(lab: Path) -> None:
    day = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
    os.utime(lab / "coo.cif", (day.timestamp(), day.timestamp()))
    assert asked(lab).rows["retrieved"][1] == "2024-02-29"


@pytest.mark.parametrize(
    "csv",
    [
        "file,energy_per_atom,e_above_hull\ncoo.cif,-5.5,0\nmore/coo2.cif,-5.25,0.25\n",
        "file,energy,e_above_hull\ncoo.cif,-11.0,0\nmore/coo2.cif,-21.0,0.25\n",
        "id,energy_per_atom,energy,e_above_hull\ncoo.cif,-5.5,-11.0,0.0\nmore/coo2.cif,,-21,.25\n",
        "\ufefffile , energy_per_atom,e_above_hull, comment\ncoo.cif, -5.5, 0, x\nmore/coo2.cif,-5.25,.25,\n",
    ],
)
def test_energies_per_atom_or_of_the_cell_are_the_same(lab: Path, csv: str) -> None:
    rows = asked(lab, csv).rows
    assert rows["energy_per_atom"].to_list() == [None, -5.5, -5.25]
    assert rows["e_above_hull"].to_list() == [None, 0, 0.25]


FAULTS = {
    "no such structure": (
        "file,energy\ncoo.cif,-1\nco.cif,-1\n",
        "energies.csv:3: file 'co.cif': there is no",
    ),
    "twice": (
        "file,energy\ncoo.cif,-1\n\ncoo.cif,-2\n",
        "energies.csv:4: file 'coo.cif' is there twice, first in",
    ),
    "no number": ("file,energy\ncoo.cif,low\n", "energies.csv:2: energy: 'low' is no finite number"),
    "not finite": (
        "file,energy_per_atom\ncoo.cif,nan\n",
        "energies.csv:2: energy_per_atom: 'nan' is no finite",
    ),
    "decimal comma": ("file,energy\ncoo.cif,-1,5\n", "energies.csv:2: not as many values"),
    "too short": ("file,energy,e_above_hull\ncoo.cif,-1\n", "energies.csv:2: not as many values"),
    "other unit": ("file,energy_mev\ncoo.cif,-1\n", "energies.csv:1: unknown column 'energy_mev'"),
    "formation": ("file,formation_energy\ncoo.cif,-1\n", "energies.csv:1: unknown column 'formation_energy'"),
    "total as per atom": (
        "file,energy,energy_per_atom\nmore/coo2.cif,-21,-21\n",
        "energies.csv:2: energy -21 eV of 4 atoms is -5.25 eV/atom, but energy_per_atom is -21",
    ),
    "no energies": ("file,comment\ncoo.cif,x\n", "energies.csv:1: no column of energies"),
    "no names": ("energy\n-1\n", "energies.csv:1: columns energy: needs one of file and id"),
    "both names": ("file,id,energy\na,b,-1\n", "energies.csv:1: columns file, id, energy: needs one of file"),
    "column twice": ("file,energy,energy\na,1,1\n", "every column once"),
    "empty name": ("file,energy\n,-1\n", "energies.csv:2: file is empty"),
    "semicolons": ("file;energy\ncoo.cif;-1\n", "energies.csv:1: columns are not separated by commas"),
    "empty": ("", "energies.csv:1: is empty"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_the_energies_name_file_line_and_fix(lab: Path, name: str) -> None:
    csv, message = FAULTS[name]
    with pytest.raises(ReferenceSourceError, match=re.escape(message)):
        asked(lab, csv)


def test_a_csv_that_is_no_text_is_named(lab: Path) -> None:
    path = lab / "energies.csv"
    path.write_bytes(b"file,energy\n\xff\xfe\x00")
    with pytest.raises(ReferenceSourceError, match=r"energies\.csv: no CSV"):
        FilesSource(name="lab", path=lab, energies=path).load(ELEMENTS)


def test_structures_that_cannot_be_read_are_counted_by_name(lab: Path) -> None:
    text = (lab / "coo.cif").read_text()
    (lab / "broken.cif").write_text("data_x\n_cell_length_a 3\n")
    (lab / "half.cif").write_text(re.sub(r"1\.0+\s*$", "0.5", text, flags=re.MULTILINE))
    found = asked(lab, "file,energy\ncoo.cif,-11\nbroken.cif,-3\n")
    assert energies_of(found)["coo.cif"] == -5.5
    assert found.rows.height == 3
    assert [reason.partition(": ")[0] for reason in found.left_out] == ["broken.cif", "half.cif"]
    for i in range(30):
        (lab / f"broken{i}.cif").write_text("data_x\n_cell_length_a 3\n")
    found = asked(lab)
    assert len(found.left_out) <= 21
    assert sum(found.left_out.values()) >= 31


def test_flat_cells_are_left_out(lab: Path) -> None:
    flat = Atoms("O", cell=[[3, 0, 0], [0, 3, 0], [3, 3, 1e-5]], pbc=True)
    write(lab / "flat.extxyz", flat)
    assert asked(lab).left_out == {"flat.extxyz: a cell without a volume": 1}


def test_several_structures_of_a_file_are_named_by_id(lab: Path) -> None:
    write(lab / "run.extxyz", [rocksalt(), rocksalt("Li")])
    found = asked(lab, "id,energy\nrun.extxyz:1,-8\n")
    assert energies_of(found)["run.extxyz:1"] == -4
    assert energies_of(found)["run.extxyz:0"] is None
    with pytest.raises(ReferenceSourceError, match=r"energies\.csv:2: run\.extxyz holds 2 structures"):
        asked(lab, "file,energy\nrun.extxyz,-8\n")


def test_an_id_that_is_there_twice_is_named(lab: Path) -> None:
    for name in ("a.extxyz", "b.extxyz"):
        atoms = rocksalt()
        atoms.info["id"] = "mine"
        write(lab / name, atoms)
    with pytest.raises(
        ReferenceSourceError, match=r"b\.extxyz: the id 'mine' is there twice, first in a\.extxyz"
    ):
        asked(lab)


def frame(atoms: Atoms, energy: str) -> str:
    cell = " ".join(str(x) for x in atoms.cell.array.flatten())
    lines = [f"{a.symbol} {a.x} {a.y} {a.z}" for a in atoms]
    head = f'Lattice="{cell}" Properties=species:S:1:pos:R:3 pbc="T T T"{energy}'
    return "\n".join([str(len(atoms)), head, *lines, ""])


def test_energies_of_extxyz_are_used_where_there_is_no_csv(lab: Path) -> None:
    from ase.calculators.singlepoint import SinglePointCalculator

    calculated = rocksalt()
    calculated.calc = SinglePointCalculator(calculated, energy=-11.0)
    write(lab / "calculated.extxyz", calculated)
    frames = [frame(rocksalt(), " energy=-12"), "\n", frame(rocksalt(), ""), frame(rocksalt(), " energy")]
    (lab / "run.extxyz").write_text("".join(frames))
    found = energies_of(asked(lab))
    assert found["calculated.extxyz"] == -5.5
    assert [found[f"run.extxyz:{i}"] for i in range(3)] == [-6.0, None, None]
    assert energies_of(asked(lab, "id,energy\ncoo.cif,-10\n"))["calculated.extxyz"] is None


def test_a_wrong_energy_in_extxyz_is_named_with_its_line(lab: Path) -> None:
    (lab / "run.extxyz").write_text(frame(rocksalt(), " energy=-1") + frame(rocksalt(), " energy=low"))
    with pytest.raises(ReferenceSourceError, match=r"run\.extxyz: line 6: energy='low' is no finite number"):
        asked(lab)


def test_a_cut_off_frame_does_not_shift_energies(lab: Path) -> None:
    text = frame(rocksalt(), " energy=-2") + "".join(
        frame(rocksalt(), " energy=-4").splitlines(keepends=True)[:-1]
    )
    (lab / "run.extxyz").write_text(text)
    found = asked(lab)
    assert energies_of(found)["run.extxyz:0"] == -1
    assert "run.extxyz:1" not in energies_of(found)
    assert [reason for reason in found.left_out if reason.startswith("run.extxyz:1: cut off")]


def test_a_single_file_is_a_source_and_nothing_is_an_error(lab: Path) -> None:
    assert FilesSource(name="one", path=lab / "coo.cif").load(ELEMENTS)["id"].to_list() == ["one/coo.cif"]
    for path in (lab / "notes.txt", lab / "none"):
        source = FilesSource(name="one", path=path)
        assert [key for key, *_ in source.faults()] == ["path"]
        with pytest.raises(ReferenceSourceError, match="one: no files of structures"):
            source.load(ELEMENTS)
