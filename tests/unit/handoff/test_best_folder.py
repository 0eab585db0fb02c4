"""The folder of the best candidates, read back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ase.io import read
from pymatgen.core import Element, Lattice, Structure

from lodestone.handoff.best_folder import write_best

CRYSTALS = [
    Structure.from_spacegroup(225, Lattice.cubic(4.26), ["Co", "O"], [[0, 0, 0], [0.5] * 3]),
    Structure(
        Lattice.orthorhombic(3.1, 4.2, 5.3), ["Ra", "O", "Li"], [[0, 0, 0], [0.5] * 3, [0.3, 0.1, 0.7]]
    ),
]


def table(crystals: list[Structure]) -> pl.DataFrame:
    rows = [
        {
            "id": f"c/a/0000/{i:05}",
            "sym_numbers": [Element(s.symbol).Z for s in crystal.species],
            "sym_cell": crystal.lattice.matrix.ravel().tolist(),
            "sym_frac": crystal.frac_coords.ravel().tolist(),
        }
        for i, crystal in enumerate(crystals)
    ]
    types = {
        "sym_numbers": pl.List(pl.Int16),
        "sym_cell": pl.List(pl.Float64),
        "sym_frac": pl.List(pl.Float64),
    }
    return pl.DataFrame(rows, schema={"id": pl.String} | types)


def summary(crystals: list[Structure], **changes: Any) -> dict[str, Any]:
    best = [
        {
            "id": f"c/a/0000/{i:05}",
            "best_rank": i + 1,
            "best_for": "co_o_6",
            "arm": "a",
            "formula": crystal.composition.reduced_formula,
            "space_group": crystal.get_space_group_info()[1],
            "space_group_symbol": crystal.get_space_group_info()[0],
            "n_atoms": len(crystal),
            "loss": 0.0 if i == 0 else None,
            "values": [6.0] if i == 0 else None,
            "units": [""],
            "e_above_hull": -0.012 if i == 0 else None,
            "hull_note": None if i == 0 else "no terminal reference of Ra",
            "known": False if i == 0 else None,
            "reference_id": None,
            "persistent": True if i == 0 else None,
        }
        for i, crystal in enumerate(crystals)
    ]
    whole = {
        "campaign": "c",
        "chemical_system": "Co-O-Ra",
        "arms": [{"name": "a", "kind": "guided"}],
        "best_rule": "The rule.",
        "notes": ["No structure passed the screen: there are no energies and no candidates."],
        "best": best,
    }
    return whole | changes


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign") / "best"
    return folder, write_best(table(CRYSTALS), summary(CRYSTALS), folder)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_every_candidate_has_its_files(written):
    folder, rows = written
    assert files(folder) == [
        *("01_CoO_225.cif", "02_RaLiO_1.cif", "README.md", "best.extxyz"),
        *(f"vasp/01_CoO_225/{name}" for name in ("INCAR", "KPOINTS", "POSCAR", "POTCAR.spec")),
    ]
    assert [(row["cif"], row["vasp"]) for row in rows] == [
        ("01_CoO_225.cif", "vasp/01_CoO_225"),
        ("02_RaLiO_1.cif", None),
    ]
    assert [len(atoms) for atoms in read(folder / "best.extxyz", ":")] == [8, 3]


def test_poscar_cif_and_candidate_are_one_structure(written):
    folder, _ = written
    poscar = Structure.from_file(folder / "vasp" / "01_CoO_225" / "POSCAR")
    assert poscar.matches(CRYSTALS[0], scale=False)
    assert Structure.from_file(folder / "01_CoO_225.cif").matches(CRYSTALS[0], scale=False)
    assert poscar.volume == pytest.approx(CRYSTALS[0].volume, rel=1e-9)


def test_the_page_tells_each_candidate_and_what_is_missing(written):
    text = (written[0] / "README.md").read_text()
    assert "| `01_CoO_225.cif` | CoO | Fm-3m (225) | 8 | `co_o_6` | 6.00 | 0 | -0.012 | yes | new |" in text
    assert "not known (no terminal reference of Ra)" in text
    assert "`02_RaLiO_1.cif`: MPRelaxSet has no potential for Ra" in text
    assert "low spin by default" in text
    assert "POTCAR is not here" in text
    assert "2 of 2 in a guided arm" in text


def test_without_a_candidate_the_page_says_so(tmp_path):
    nothing = summary([])
    assert write_best(table([]), nothing, tmp_path / "best") == []
    assert files(tmp_path / "best") == ["README.md", "best.extxyz"]
    text = (tmp_path / "best" / "README.md").read_text()
    assert "No structure of this campaign is eligible" in text
    assert "- No structure passed the screen" in text
    assert "VASP" not in text


def test_written_again_it_is_the_same_and_old_files_are_gone(tmp_path):
    folder = tmp_path / "best"
    write_best(table(CRYSTALS), summary(CRYSTALS), folder)
    first = {name: (folder / name).read_bytes() for name in files(folder)}
    (folder / "99_old_1.cif").touch()
    write_best(table(CRYSTALS), summary(CRYSTALS), folder)
    assert {name: (folder / name).read_bytes() for name in files(folder)} == first


@pytest.mark.slow
def test_ten_candidates_take_seconds(written, tmp_path):  # written: pymatgen is imported by now
    del written
    start = time.process_time()
    write_best(table(CRYSTALS[:1] * 10), summary(CRYSTALS[:1] * 10), tmp_path / "best")
    assert time.process_time() - start < 10
