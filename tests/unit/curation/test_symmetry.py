"""Standard cells, the ladder of tolerances, and what it means to have moved."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lodestone.curation.symmetry import SCHEMA, symmetrize, symmetry_table, was_generated
from lodestone.structures import table


def rattled(crystal: tuple, amplitude: float, seed: int = 0) -> tuple:
    """Every atom moved by exactly `amplitude` Å in a random direction."""
    numbers, cell, frac = crystal
    moves = np.random.default_rng(seed).normal(size=frac.shape)
    moves *= amplitude / np.linalg.norm(moves, axis=1, keepdims=True)
    return numbers, cell, frac + moves @ np.linalg.inv(cell)


def moved(crystal: tuple, seed: int = 1) -> tuple:
    """The same crystal rotated, shifted, in a skewed and left-handed cell."""
    numbers, cell, frac = crystal
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    basis = np.array([[0, 1, 0], [1, 0, 0], [2, -1, 1]])
    return numbers, basis @ cell @ rotation, (frac + rng.uniform(size=3)) @ np.linalg.inv(basis)


def test_space_groups_of_known_crystals_in_any_setting(crystals: dict, space_groups: dict) -> None:
    for name, crystal in crystals.items():
        for given in (crystal, moved(crystal)):
            found = symmetrize(*given)
            assert (name, found.space_group) == (name, space_groups[name])
            assert found.failure is None
            assert found.symprec == 0.1
            assert found.displacement == pytest.approx(0, abs=1e-6)


def test_cell_is_primitive_and_of_the_same_density_and_composition(crystals: dict) -> None:
    primitive = {"rocksalt CoO, cubic cell": 2, "fcc Al, cubic cell": 1, "bcc Li, cubic cell": 1}
    for name, (numbers, cell, frac) in crystals.items():
        found = symmetrize(numbers, cell, frac)
        assert len(found.numbers) == primitive.get(name, len(numbers) if "cubic" not in name else 3)
        times = len(numbers) // len(found.numbers)
        assert sorted(list(found.numbers) * times) == sorted(numbers)
        assert np.linalg.det(found.cell) * times == pytest.approx(abs(np.linalg.det(cell)), rel=1e-6)


@pytest.mark.parametrize("amplitude", [0.002, 0.01, 0.03])
def test_displacement_is_what_the_atoms_were_moved_by(crystals: dict, amplitude: float) -> None:
    for name in ("rocksalt CoO, cubic cell", "fluorite ZrO2, cubic cell", "perovskite SrTiO3"):
        given = rattled(crystals[name], amplitude)
        found = symmetrize(*given, symprec=[0.2])
        assert found.space_group in {225, 221}
        assert 0.5 * amplitude < found.displacement < 2 * amplitude


def test_strain_counts_as_displacement(crystals: dict) -> None:
    numbers, cell, frac = crystals["perovskite SrTiO3"]
    found = symmetrize(numbers, cell @ np.diag([1, 1, 1.01]), frac, symprec=[0.1])
    assert found.space_group == 221
    assert found.displacement == pytest.approx(3.9 * 0.01 * 2 / 3, rel=0.05)
    strict = symmetrize(numbers, cell @ np.diag([1, 1, 1.01]), frac, max_displacement=0.01)
    assert (strict.space_group, strict.symprec) == (123, 0.01)


def test_displacement_agrees_with_pymatgens_matching(crystals: dict) -> None:
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher = StructureMatcher(scale=False, primitive_cell=True)
    for name in ("rutile TiO2", "layered LiCoO2", "pyrite FeS2", "alpha quartz SiO2"):
        given = rattled(crystals[name], 0.02, seed=3)
        found = symmetrize(*given, symprec=[0.1], max_displacement=1.0)
        before, after = table.to_pymatgen(
            table.from_arrays(
                ["a", "b"],
                *zip(given, (found.numbers, found.cell, found.frac), strict=True),
            )
        )
        length = (before.volume / len(before)) ** (1 / 3)
        largest = matcher.get_rms_dist(before, after)[1] * length
        assert found.displacement == pytest.approx(largest, abs=0.01)


def test_ladder_takes_the_largest_tolerance_that_keeps_atoms_in_place(crystals: dict) -> None:
    given = rattled(crystals["fluorite ZrO2, cubic cell"], 0.03)
    loose = symmetrize(*given, max_displacement=0.1)
    strict = symmetrize(*given, max_displacement=0.005)
    assert (loose.space_group, loose.symprec) == (225, 0.1)
    assert strict.symprec < 0.1
    assert strict.space_group < 225
    assert strict.displacement <= 0.005


def test_no_fitting_tolerance_keeps_the_original_and_says_why(crystals: dict) -> None:
    given = rattled(crystals["rocksalt CoO, cubic cell"], 0.03)
    found = symmetrize(*given, symprec=[0.2], max_displacement=0.001)
    assert found.space_group is None
    assert found.cell is given[1]
    assert "symprec 0.2: moves an atom by 0.0" in str(found.failure)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_reported_group_is_that_of_the_written_cell(crystals: dict) -> None:
    import spglib

    for seed, crystal in enumerate(crystals.values()):
        found = symmetrize(*rattled(crystal, 0.04, seed))
        shown = spglib.get_symmetry_dataset((found.cell, found.frac, found.numbers), symprec=0.01)
        assert (shown.number, shown.international) == (found.space_group, found.symbol)


def test_degenerate_cells_fail_by_name(degenerate_cells: list) -> None:
    for cell in degenerate_cells:
        found = symmetrize(np.array([3, 8]), cell, np.array([[0.0] * 3, [0.5] * 3]))
        assert found.failure
        assert found.space_group is None


def test_coincident_atoms_fail_by_name() -> None:
    found = symmetrize(np.array([8, 8]), np.eye(3) * 4, np.zeros((2, 3)))
    assert "symprec 0.01: " in str(found.failure)


def test_table_keeps_rows_order_and_failed_structures(crystals: dict) -> None:
    nothing = (np.array([8, 3]), np.full((3, 3), np.nan), np.full((2, 3), np.nan))
    chosen = [crystals["hcp Mg"], nothing, crystals["fcc Cu"]]
    samples = table.from_arrays(["z", "y", "x"], *zip(*chosen, strict=True)).with_columns(
        failed=pl.Series([False, False, True]), failure=pl.Series([None, None, "diverged"])
    )
    calls = []
    found = symmetry_table(samples, symprec=[0.01], max_displacement=0.1, progress=lambda *a: calls.append(a))
    assert found.schema == pl.Schema(SCHEMA)
    assert found["id"].to_list() == ["z", "y", "x"]
    assert found["space_group"].to_list() == [194, None, None]
    assert found["space_group_symbol"].to_list() == ["P6_3/mmc", None, None]
    assert found["symmetrize_failure"].to_list() == [None, "not finite", "not generated: diverged"]
    assert found["numbers"].to_list()[1:] == [[8, 3], [29]]
    assert [was_generated(f) for f in found["symmetrize_failure"]] == [True, True, False]
    assert calls == [(1, 3), (2, 3), (3, 3)]
