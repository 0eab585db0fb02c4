"""`lodestone measure`: every format, and what cannot be read is told, not dropped."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ase import Atoms
from ase.io import write
from click.testing import CliRunner, Result
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter

from lodestone.cli import main
from lodestone.structures import files, table

CAMPAIGN = """\
campaign: salt
chemical_system: Na-Cl
model: {checkpoint: mattergen_base}
constraints:
  six:
    terms: [{kind: coordination, center: Na, neighbor: Cl, target: 6, cutoff: 3.2}]
    satisfied_within: 0.5
  two:
    terms:
      - {kind: volume_per_atom, target: 22.4, tolerance: 0.2}
      - {kind: coordination, center: Na, neighbor: Cl, target: 6, cutoff: 3.2, tolerance: 0.5}
    satisfied_within: 0.5
energy: {estimator: {kind: ase, calculator: ase.calculators.emt:EMT}}
"""
SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
CAESIUM_LIKE = Atoms("NaCl", scaled_positions=[[0, 0, 0], [0.5] * 3], cell=[3.5] * 3, pbc=True)
VOLUME = 5.64**3 / 8


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    path = tmp_path / "salt.yaml"
    path.write_text(CAMPAIGN)
    return path


@pytest.fixture
def run(campaign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def run(path: Path, *arguments: str, constraint: str = "six") -> Result:
        options = ["--config", str(campaign), "--constraint", constraint, *arguments]
        return CliRunner().invoke(main, ["measure", str(path), *options])

    return run


def objects(result: Result) -> list[dict[str, Any]]:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return [json.loads(line) for line in result.stdout.splitlines()]


def salt() -> Atoms:
    return SALT.to_ase_atoms()


def cif(structure: Structure = SALT, symprec: float | None = None, name: str = "salt") -> str:
    text = str(CifWriter(structure, symprec=symprec))
    return text.replace(text.split("data_")[1].split("\n", maxsplit=1)[0], name, 1)


def poscar(atoms: Atoms) -> str:
    stream = io.StringIO()
    write(stream, atoms, format="vasp", direct=True)
    return stream.getvalue()


def extxyz(*structures: Atoms) -> str:
    stream = io.StringIO()
    write(stream, list(structures), format="extxyz")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p1.cif", cif()),
        ("symmetric.cif", cif(symprec=0.01)),
        ("POSCAR", poscar(salt())),
        ("POSCAR.relaxed", poscar(salt())),
        ("salt.vasp", poscar(salt())),
        ("salt.xyz", extxyz(salt())),
        ("salt.extxyz", extxyz(salt())),
    ],
)
def test_one_crystal_in_every_text_format(run, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    (found,) = objects(run(tmp_path / name, "--json", constraint="two"))
    assert found == {
        "id": name,
        "values": [pytest.approx(VOLUME, rel=1e-5), 6.0],
        "loss": pytest.approx(0.0, abs=1e-3),
        "satisfied": True,
    }


def test_symmetry_of_a_cif_is_applied() -> None:
    assert "'x, y, z'" in cif()
    assert cif(symprec=0.01).count("Na+") + cif(symprec=0.01).count("  Na") < cif().count("  Na")


def test_many_frames_one_broken_one_without_a_cell(run, tmp_path: Path) -> None:
    named, gas = CAESIUM_LIKE.copy(), CAESIUM_LIKE.copy()
    named.info["id"] = "mine"
    gas.pbc = False
    broken = extxyz(salt()).replace("Na", "Qq", 1)
    path = tmp_path / "many.extxyz"
    path.write_text(extxyz(salt()) + broken + extxyz(named) + extxyz(gas) + extxyz(salt())[:-200])
    result = run(path, "--json")
    good, wrong, mine, open_, cut = objects(result)
    assert (good["id"], good["satisfied"]) == ("many.extxyz:0", True)
    assert "Qq" in wrong["error"]
    assert wrong["satisfied"] is False
    assert wrong["values"] == [None]
    assert (mine["id"], mine["values"], mine["satisfied"]) == ("mine", [8.0], False)
    assert "not periodic" in open_["error"]
    assert "cut off" in cut["error"]
    assert result.exit_code == 0
    assert "5 structures: 1 satisfied (50.0% of 2 readable), 0 with" in result.stderr
    assert result.stderr.strip().endswith("3 unreadable")


def test_blocks_of_a_cif_are_read_one_by_one(run, tmp_path: Path) -> None:
    partly = Structure(Lattice.cubic(3.0), [{"Na": 0.5, "Cl": 0.25}, "Cl"], [[0, 0, 0], [0.5] * 3])
    comment = "data_global\n_publ_section_title\n;\ndata_not_a_block\n;\n"
    nothing = "data_empty\n_cell_length_a 3.0\n"
    path = tmp_path / "many.cif"
    path.write_text(comment + cif(name="one") + cif(partly, name="partly") + nothing + cif(name="last"))
    one, disordered, empty, last = objects(run(path, "--json"))
    assert [x["id"] for x in (one, disordered, empty, last)] == [
        f"many.cif:{name}" for name in ("one", "partly", "empty", "last")
    ]
    assert "disorder: partial occupancies at" in disordered["error"]
    assert "Na" in disordered["error"]
    assert "error" in empty
    assert one["satisfied"]
    assert last["satisfied"]


def test_a_zip_is_read_in_memory_and_keeps_what_is_broken(run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(files, "LARGEST_FILE", 100_000)
    path = tmp_path / "crystals.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil.cif", cif())
        archive.writestr("gen_0.cif", cif(symprec=0.01))
        archive.writestr("__MACOSX/._gen_0.cif", b"\0\1")
        archive.writestr("README.txt", "not a structure")
        archive.writestr("gen_1.cif", "no CIF at all")
        archive.writestr("bomb.cif", "#" * 10_000_000)
        archive.writestr("gen_2.extxyz", extxyz(CAESIUM_LIKE))
    before = set(tmp_path.iterdir())
    found = objects(run(path, "--json"))
    assert [x["id"] for x in found] == [
        "../../evil.cif",
        "gen_0.cif",
        "gen_1.cif",
        "bomb.cif",
        "gen_2.extxyz",
    ]
    assert [x.get("error", "")[:10] for x in found] == ["", "", "no structu", "larger tha", ""]
    assert [x["satisfied"] for x in found] == [True, True, False, False, False]
    assert set(tmp_path.iterdir()) == before
    assert not (tmp_path.parent.parent / "evil.cif").exists()


def test_a_zip_has_a_limit_in_all(run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(files, "LARGEST_TOTAL", len(cif()) + 10)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.cif", cif())
        archive.writestr("b.cif", cif())
    assert ["error" in x for x in objects(run(tmp_path / "two.zip", "--json"))] == [False, True]


def test_a_damaged_member_of_a_zip_is_an_error_of_its_own(run, tmp_path: Path) -> None:
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.cif", cif())
        archive.writestr("b.cif", cif())
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)
    damaged, good = objects(run(path, "--json"))
    assert "CRC" in damaged["error"]
    assert good["satisfied"]


def test_a_folder_is_read_by_names(run, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    for name, text in {"b.cif": cif(), "a.cif": "data_x\n", "notes.txt": "", ".hidden.cif": ""}.items():
        (folder / name).write_text(text)
    (folder / "deep" / "POSCAR").write_text(poscar(CAESIUM_LIKE))
    found = objects(run(folder, "--json"))
    assert [x["id"] for x in found] == ["a.cif", "b.cif", "deep/POSCAR"]
    assert ["error" in x for x in found] == [True, False, False]


def test_the_structure_table_keeps_its_ids_and_failures(run, tmp_path: Path) -> None:
    rows = table.from_ase(["x/0", "x/1", "x/2"], [salt(), CAESIUM_LIKE, salt()])
    failed = rows.with_columns(
        failed=pl.Series([False, False, True]), failure=pl.Series([None, None, "exploded"])
    )
    table.write_table(failed, tmp_path / "samples.parquet")
    found = objects(run(tmp_path / "samples.parquet", "--json"))
    assert [x["id"] for x in found] == ["x/0", "x/1", "x/2"]
    assert [x["values"] for x in found] == [[6.0], [8.0], [None]]
    assert found[2]["error"] == "not generated: exploded"


def test_a_value_that_is_not_defined_is_null(run, tmp_path: Path) -> None:
    (tmp_path / "a.cif").write_text(cif(Structure(Lattice.cubic(3.0), ["Cl"], [[0, 0, 0]])))
    (found,) = objects(run(tmp_path / "a.cif", "--json", constraint="two"))
    assert found == {"id": "a.cif", "values": [27.0, None], "loss": None, "satisfied": False}
    assert "1 with a value that is not defined, 0 unreadable" in run(tmp_path / "a.cif").stdout


def test_the_table_for_people_has_units_and_counts(run, tmp_path: Path) -> None:
    (tmp_path / "a.extxyz").write_text(extxyz(salt(), CAESIUM_LIKE))
    head, first, second, last = run(tmp_path / "a.extxyz", constraint="two").stdout.splitlines()
    assert head.split() == ["satisfied", "volume_per_atom", "(Å³/atom)", "coordination", "loss", "structure"]
    assert first.split() == ["yes", f"{VOLUME:.4f}", "6.0000", "0.0002", "a.extxyz:0"]
    assert second.split()[0] == "no"
    assert last.startswith("2 structures: 1 satisfied (50.0% of 2 readable), 0 with")


@pytest.mark.parametrize("content", ["", "garbage\n", "\0\1\2"])
@pytest.mark.parametrize("name", ["a.cif", "a.extxyz", "POSCAR", "a.zip", "a.parquet"])
def test_nothing_readable_is_exit_code_1(run, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    result = run(tmp_path / name, "--json")
    assert result.exit_code == 1
    assert all("error" in x for x in objects(result))


def test_an_empty_folder_is_exit_code_1(run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty").exit_code == 1


def test_faults_of_the_command_line_are_exit_code_2(run, tmp_path: Path) -> None:
    (tmp_path / "a.cif").write_text(cif())
    (tmp_path / "a.docx").write_text("")
    wrong = run(tmp_path / "a.cif", constraint="seven")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "no constraint 'seven'; allowed: six, two" in wrong.stderr
    unknown = run(tmp_path / "a.docx")
    assert unknown.exit_code == 2
    assert ".extxyz" in unknown.stderr
    assert run(tmp_path / "none.cif").exit_code == 2


def test_help_is_light() -> None:
    code = (
        "import sys\nfrom lodestone.cli import main\n"
        "try: main(['measure', '--help'])\nexcept SystemExit: pass\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "lodestone measure samples.extxyz --config" in process.stdout
    loaded = set(process.stdout.splitlines()[-1].split())
    assert loaded.isdisjoint({"numpy", "torch", "ase", "pymatgen", "polars", "tensorflow"})
