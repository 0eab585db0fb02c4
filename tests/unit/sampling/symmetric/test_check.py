"""The judgement of strictness on crystals whose symmetry is known."""

from __future__ import annotations

import numpy as np
import pytest

from lodestone.wyckoff.groups import NUMBERS, space_group
from lodestone.wyckoff.verification import EXACT, OTHER, SUPERGROUP, operations, strictness

SALT = np.array([11, 17])
FCC = 5.64 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
PLACES = np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]])
COUNTS = {"Na": 1, "Cl": 1}


def keys(rotations: np.ndarray, translations: np.ndarray) -> list[tuple[int, ...]]:
    shifts = np.rint(translations * 24).astype(int) % 24
    return sorted(map(tuple, np.concatenate([rotations.reshape(-1, 9), shifts], axis=1).tolist()))


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_spglibs_operations_are_those_that_the_sampler_keeps(number: int) -> None:
    group = space_group(number)
    assert keys(*operations(number)) == keys(group.rotations, group.translations)


def test_rock_salt_is_its_own_group_and_a_supergroup_of_others() -> None:
    assert strictness(SALT, FCC, PLACES, 225, COUNTS).verdict == EXACT
    for below in (1, 2, 216, 196, 202):
        found = strictness(SALT, FCC, PLACES, below, COUNTS)
        assert (found.found, found.verdict) == (225, SUPERGROUP), below
    assert strictness(SALT, FCC, PLACES, 221, COUNTS).verdict == OTHER  # its axes are not a primitive cube's
    assert strictness(SALT, FCC, PLACES, 227, COUNTS).verdict == OTHER


def test_a_shifted_atom_loses_the_group_beyond_the_tolerance() -> None:
    shift = np.array([[0, 0, 0], [1.0, 0, 0]]) / 5.64 * 2
    small = strictness(SALT, FCC, PLACES + 0.002 * shift, 225, COUNTS)
    large = strictness(SALT, FCC, PLACES + 0.05 * shift, 225, COUNTS)
    assert small.verdict == EXACT
    assert large.verdict == OTHER
    assert large.found not in (None, 225)


def test_a_strained_cell_loses_the_group_beyond_the_tolerance() -> None:
    strain = np.diag([1.0, 1.0, 1.02])
    found = strictness(SALT, FCC @ strain, PLACES, 225, COUNTS)
    assert (found.found, found.verdict) == (139, OTHER)
    assert strictness(SALT, FCC @ strain, PLACES, 2, COUNTS).verdict == SUPERGROUP


def test_formulas_are_compared_exactly() -> None:
    assert strictness(SALT, FCC, PLACES, 225, COUNTS).exact_formula
    assert strictness(SALT, FCC, PLACES, 225, COUNTS | {"K": 0}).exact_formula
    assert not strictness(SALT, FCC, PLACES, 225, {"Na": 2}).exact_formula
    assert not strictness(SALT, FCC, PLACES, 225, {"Na": 1, "Cl": 1, "K": 1}).exact_formula
    assert not strictness(np.array([11, 0]), FCC, PLACES, 225, COUNTS).exact_formula  # an undecided type


def test_exchanged_elements_are_no_symmetry() -> None:
    # caesium chloride would map on itself under the body centring if its atoms were alike
    cube = 4.1 * np.eye(3)
    found = strictness(np.array([55, 17]), cube, PLACES, 221, {"Cs": 1, "Cl": 1})
    assert found.verdict == EXACT
    alike = strictness(np.array([55, 55]), cube, PLACES, 221, {"Cs": 2})
    assert (alike.found, alike.verdict) == (229, SUPERGROUP)


def test_what_is_no_crystal_is_other() -> None:
    nothing = strictness(SALT, np.full((3, 3), np.nan), PLACES, 225, COUNTS)
    assert (nothing.found, nothing.verdict) == (None, OTHER)
    twice = strictness(np.array([11, 11]), FCC, 0 * PLACES, 225, {"Na": 2})  # two atoms in one place
    assert (twice.found, twice.verdict) == (None, OTHER)
    assert strictness(SALT, 0 * FCC, PLACES, 225, COUNTS).verdict == OTHER


def test_other_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="no space group 0"):
        operations(0)
