"""Reading proposals off crystals: known crystals, the embedded references, PyXtal as a second reader."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files

import numpy as np
import polars as pl
import pytest

from lodestone.structures import table
from lodestone.structures.table import arrays, read_table
from lodestone.wyckoff.groups import NUMBERS, orbit_points, space_group
from lodestone.wyckoff.normaliser import canonical, equivalents
from lodestone.wyckoff.proposals import Orbit, Proposal, illegal, parse
from lodestone.wyckoff.reading import UnreadableError, hall_number, read, setting
from lodestone.wyckoff.reading import read_table as read_proposals


@pytest.fixture(scope="module")
def references() -> pl.DataFrame:
    return read_table(files("lodestone.embedded") / "references.parquet").gather_every(10)


def rebuilt(found) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers, cell and coordinates that the letters and parameters alone describe."""
    from ase.data import atomic_numbers

    group = space_group(found.proposal.space_group)
    numbers, points = [], []
    for orbit, parameters in zip(found.proposal.orbits, found.parameters, strict=True):
        places = orbit_points(group.position(orbit.letter), parameters)
        points.append(places)
        numbers += [atomic_numbers[orbit.element]] * len(places)
    return np.array(numbers), found.cell, np.concatenate(points)


def test_rebuilding_from_letters_and_parameters_gives_the_references_back(references: pl.DataFrame) -> None:
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Lattice, Structure

    matcher = StructureMatcher(primitive_cell=True, scale=False, ltol=0.05, stol=0.05, angle_tol=1.0)
    assert len(references) >= 80
    for row in references.iter_rows(named=True):
        numbers, cell, frac = arrays(row)
        found = setting(numbers, cell, frac)
        again_numbers, again_cell, again_frac = rebuilt(found)
        given = Structure(Lattice(cell), numbers, frac)
        built = Structure(Lattice(again_cell), again_numbers, again_frac)
        assert matcher.fit(given, built), row["id"]
        assert read(again_numbers, again_cell, again_frac, symprec=[0.01]) == canonical(found.proposal), row[
            "id"
        ]


def test_letters_are_spglibs_up_to_the_normaliser(references: pl.DataFrame) -> None:
    import spglib
    from ase.data import chemical_symbols

    for row in references.iter_rows(named=True):
        numbers, cell, frac = rebuilt(setting(*arrays(row)))
        proposal = read(numbers, cell, frac, symprec=[0.01])
        assert illegal(proposal, dict(Counter(chemical_symbols[z] for z in numbers))) is None
        dataset = spglib.get_symmetry_dataset((cell, frac, numbers), 0.01)
        orbits = {
            int(o): Orbit(chemical_symbols[numbers[i]], dataset.wyckoffs[i])
            for i, o in enumerate(dataset.crystallographic_orbits)
        }
        seen = tuple(sorted(orbits.values()))
        assert dataset.number == proposal.space_group
        assert seen in equivalents(proposal), row["id"]


def test_pyxtal_reads_the_same(references: pl.DataFrame) -> None:
    from pymatgen.core import Lattice, Structure
    from pyxtal import pyxtal

    n = 0
    for row in references.gather_every(7).iter_rows(named=True):
        numbers, cell, frac = rebuilt(setting(*arrays(row)))
        proposal, crystal = read(numbers, cell, frac, symprec=[0.01]), pyxtal()
        crystal.from_seed(Structure(Lattice(cell), numbers, frac), tol=0.01)
        orbits = tuple(sorted(Orbit(site.specie, site.wp.letter) for site in crystal.atom_sites))
        assert crystal.group.number == proposal.space_group
        assert canonical(Proposal(crystal.group.number, orbits)) == proposal, row["id"]
        n += 1
    assert n > 10


def test_known_crystals_in_any_cell() -> None:
    from ase.build import bulk
    from ase.spacegroup import crystal

    rutile = crystal(
        ["Ti", "O"], [(0, 0, 0), (0.305, 0.305, 0)], spacegroup=136, cellpar=[4.6, 4.6, 2.95, 90, 90, 90]
    )
    spinel = crystal(
        ["Mg", "Al", "O"],
        [(0.125,) * 3, (0.5,) * 3, (0.2624,) * 3],
        spacegroup=227,
        setting=2,
        cellpar=[8.08] * 3 + [90] * 3,
    )
    delafossite = crystal(
        ["Li", "Co", "O"],
        [(0, 0, 0.5), (0, 0, 0), (0, 0, 0.26)],
        spacegroup=166,
        cellpar=[2.8, 2.8, 14.1, 90, 90, 120],
    )
    expected = {
        "136 O:f Ti:a": rutile, "227 Al:d Mg:a O:e": spinel, "166 Co:a Li:b O:c": delafossite,
        "225 Mg:a O:b": bulk("MgO", "rocksalt", a=4.2), "225 Cu:a": bulk("Cu", cubic=True),
        "227 Si:a": bulk("Si", "diamond", a=5.43), "194 Mg:c": bulk("Mg"),
    }  # fmt: skip
    twisted = np.array([[1, 1, 0], [0, 1, 0], [2, -1, 1]])
    for text, atoms in expected.items():
        cell = np.asarray(atoms.cell)
        for basis in (np.eye(3), twisted):
            frac = atoms.get_scaled_positions() @ np.linalg.inv(basis) + 0.123
            assert read(atoms.numbers, basis @ cell, frac) == canonical(parse(text)), text


def test_every_setting_is_that_of_its_group() -> None:
    import spglib

    for number in NUMBERS:
        assert spglib.get_spacegroup_type(hall_number(number)).number == number


def test_what_cannot_be_read_keeps_its_row_and_its_reason() -> None:
    numbers, cell = np.array([3, 3]), np.eye(3) * 3.0
    frac = np.array([[0.0, 0, 0], [np.nan, 0, 0]])
    with pytest.raises(UnreadableError, match="not finite"):
        read(numbers, cell, frac)
    rows = table.from_arrays(["bad", "good"], [numbers, numbers[:1]], [cell, cell], [frac, frac[:1]])
    bad, good = read_proposals(rows)
    assert isinstance(bad, UnreadableError)
    assert good == parse("221 Li:a")
