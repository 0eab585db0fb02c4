"""CIF and extended XYZ, read back."""

from __future__ import annotations

import numpy as np
import pytest
from ase.io import read
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.cif import CifParser
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from lodestone.structures.export import cif, difference, extxyz, file_name

CRYSTALS = {
    225: Structure.from_spacegroup(225, Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3]),
    166: Structure.from_spacegroup(
        166, Lattice.hexagonal(2.82, 14.05), ["Li", "Co", "O"], [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.24]]
    ),
    62: Structure.from_spacegroup(
        62, Lattice.orthorhombic(5.1, 6.7, 4.5), ["Fe", "C"], [[0.18, 0.06, 0.33], [0.38, 0.25, 0.44]]
    ),
    1: Structure(Lattice([[3, 0, 0], [0.4, 4, 0], [0.2, 0.7, 5]]), ["B", "N", "O"], np.eye(3) * 0.31),
}


@pytest.mark.parametrize("number", CRYSTALS)
def test_primitive_cells_come_back(number):
    primitive = SpacegroupAnalyzer(CRYSTALS[number]).get_primitive_standard_structure()
    found = cif(primitive, number, "x.cif")
    assert found.check == "ok"
    parsed = CifParser.from_str(found.text).parse_structures(primitive=True)[0]
    assert parsed.composition.reduced_formula == primitive.composition.reduced_formula
    assert SpacegroupAnalyzer(parsed, symprec=0.01).get_space_group_number() == number
    assert parsed.volume / len(parsed) == pytest.approx(primitive.volume / len(primitive), rel=1e-4)
    if number > 1:
        assert f"_symmetry_Int_Tables_number   {number}" in found.text


def test_a_wrong_space_group_is_named():
    found = cif(CRYSTALS[225], 221, "x.cif")
    assert found.check == "the file gives space group 225, not 221"


def test_another_formula_is_named():
    text = cif(CRYSTALS[225], 225, "x.cif").text
    assert difference(text, CRYSTALS[166], 225) == "the file gives NaCl, not LiCoO2"
    assert "cannot be read back" in difference("no cif", CRYSTALS[225], 225)


def test_a_structure_without_symmetry_is_still_written():
    assert cif(CRYSTALS[62], None, "x.cif").check == "ok"


def test_file_names_are_safe():
    assert file_name(3, "Li(CoO2)2", 166) == "03_Li-CoO2-2_166.cif"
    assert file_name(12, "../x", None) == "12_x_P.cif"


def test_extended_xyz_comes_back(tmp_path):
    atoms = AseAtomsAdaptor.get_atoms(CRYSTALS[62], msonable=False)
    text = extxyz([atoms, atoms], [{"id": "a/b", "e": 0.5, "none": None}, {"id": "c"}])
    (tmp_path / "x.extxyz").write_text(text)
    first, second = read(tmp_path / "x.extxyz", ":")
    assert first.info == {"id": "a/b", "e": 0.5}
    assert second.info == {"id": "c"}
    assert np.allclose(first.cell, atoms.cell)
    assert extxyz([], []) == ""
