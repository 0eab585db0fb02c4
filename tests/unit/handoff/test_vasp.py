"""Inputs of VASP, read back and held against what the Materials Project's set says of each element."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp.inputs import Incar, Kpoints, Poscar
from pymatgen.io.vasp.sets import MPRelaxSet

from lodestone.handoff.vasp import FILES, vasp_input

COBALTATE = Structure.from_spacegroup(
    166, Lattice.hexagonal(2.82, 14.05), ["Li", "Co", "O"], [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.24]]
).get_primitive_structure()
MAGNET = Structure(
    Lattice.orthorhombic(5.1, 4.3, 7.7),
    ["B", "Nd", "Fe", "B", "Fe"],
    [[0.01, 0.02, 0.03], [0.5, 0.5, 0.1], [0.5, 0.1, 0.6], [0.2, 0.7, 0.4], [0.9, 0.4, 0.8]],
)
BORON = Structure(
    Lattice.from_parameters(4.9, 5.1, 5.3, 58, 61, 63), ["B"] * 3, [[0.1, 0.2, 0.3], [0.6, 0.4, 0.9], [0] * 3]
)


@pytest.mark.parametrize("crystal", [COBALTATE, MAGNET, BORON])
def test_poscar_is_the_candidate(crystal):
    found = vasp_input(crystal, "title of it")
    assert tuple(found.files) == FILES
    assert found.missing is None
    read = Poscar.from_str(found.files["POSCAR"])
    assert read.comment == "title of it"
    assert np.allclose(read.structure.lattice.matrix, crystal.lattice.matrix, rtol=0, atol=1e-12)
    grouped = sorted(crystal, key=lambda site: site.specie)
    assert [site.specie for site in read.structure] == [site.specie for site in grouped]
    unmatched = list(read.structure)
    for site in crystal:  # every site is there, once
        twin = next(s for s in unmatched if s.specie == site.specie and s.distance(site) < 1e-9)
        unmatched.remove(twin)
    assert unmatched == []
    spec = found.files["POTCAR.spec"].split()
    assert [name.partition("_")[0] for name in spec] == read.site_symbols


def test_the_oxide_has_u_and_moments_as_the_set_says():
    found = vasp_input(COBALTATE, "x")
    incar = Incar.from_str(found.files["INCAR"])
    order = [site.specie.symbol for site in Poscar.from_str(found.files["POSCAR"]).structure]
    assert order == ["Li", "Co", "O", "O"]
    assert incar["LDAU"] is True
    assert incar["LDAUU"] == [0, MPRelaxSet.CONFIG["INCAR"]["LDAUU"]["O"]["Co"], 0]
    assert incar["MAGMOM"] == [MPRelaxSet.CONFIG["INCAR"]["MAGMOM"].get(symbol, 0.6) for symbol in order]
    assert incar["ISPIN"] == 2
    assert any("low spin" in note for note in found.notes)
    assert len(set(found.notes)) == len(found.notes)


def test_the_magnet_has_moments_and_no_u():
    found = vasp_input(MAGNET, "x")
    incar = Incar.from_str(found.files["INCAR"])
    assert "LDAUU" not in incar
    sites = Poscar.from_str(found.files["POSCAR"]).structure
    moments = dict(zip((s.specie.symbol for s in sites), incar["MAGMOM"], strict=True))
    assert moments == {"Nd": MPRelaxSet.CONFIG["INCAR"]["MAGMOM"].get("Nd", 0.6), "Fe": 5.0, "B": 0.6}
    assert found.files["POTCAR.spec"].split() == ["Nd_3", "Fe_pv", "B"]


def test_boron_alone_has_neither_and_a_mesh():
    found = vasp_input(BORON, "x")
    incar = Incar.from_str(found.files["INCAR"])
    assert (incar["ISIF"], incar["ENCUT"]) == (3, 520)
    assert "LDAU" not in incar
    assert Kpoints.from_str(found.files["KPOINTS"]).num_kpts == 0  # a mesh, not a list
    assert found.files["POTCAR.spec"] == "B\n"


def test_the_same_structure_gives_the_same_files():
    assert vasp_input(MAGNET, "x") == vasp_input(MAGNET.copy(), "x")


def test_what_the_set_lacks_is_said():
    radium = Structure(Lattice.cubic(4), ["Ra", "O"], [[0, 0, 0], [0.5] * 3])
    assert vasp_input(radium, "x").missing == "MPRelaxSet has no potential for Ra"
    assert vasp_input(radium, "x").files == {}


def test_a_broken_cell_is_said():
    broken = Structure(Lattice(np.full((3, 3), np.nan)), ["B"], [[0, 0, 0]])
    assert vasp_input(broken, "x").missing == "its cell or a position is not finite"
    adrift = Structure(Lattice.cubic(4), ["B"], [[np.inf, 0, 0]])
    assert vasp_input(adrift, "x").missing == "its cell or a position is not finite"
