"""Letters that stand for the same crystals, against PyXtal's list of the Euclidean normalisers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestone.wyckoff.assignments import best_assignments
from lodestone.wyckoff.groups import NUMBERS, letter_of, orbit_points, parameters_of, space_group
from lodestone.wyckoff.normaliser import canonical, equivalents, permutations
from lodestone.wyckoff.proposals import Proposal, illegal, parse


@pytest.fixture(scope="module")
def chosen() -> list[int]:
    return [n for n in NUMBERS if n % 6 == 2 or n in {1, 10, 16, 47, 62, 191, 221, 225, 227}]


def test_permutations_form_a_group_that_keeps_multiplicities_and_contains_pyxtals(chosen: list[int]) -> None:
    from pyxtal.symmetry import Group

    for number in chosen:
        group = space_group(number)
        letters = [p.letter for p in group.positions]
        found = set(permutations(number))
        assert tuple(letters) in found
        for permutation in found:
            for letter, place in zip(letters, permutation, strict=True):
                a, b = group.position(letter), group.position(place)
                assert (a.multiplicity, a.freedom) == (b.multiplicity, b.freedom), number
        rows = [row.split() for row in Group(number).get_alternatives()["Transformed WP"]]
        for row in rows:
            place = dict(zip(rows[0], row, strict=True))
            assert tuple(place[x] for x in letters) in found, (number, row)


def test_known_normalisers() -> None:
    assert len(permutations(1)) == 1
    # the eight centres of inversion of P-1: any map of the affine space of three bits
    assert len(permutations(2)) == 8 * 168
    assert canonical(parse("225 Li:b O:a")) == canonical(parse("225 Li:a O:b"))
    assert canonical(parse("225 Li:a O:c")) != canonical(parse("225 Li:c O:a"))
    assert canonical(parse("221 Ti:b Ca:a O:d")) == canonical(parse("221 Ca:b O:c Ti:a"))
    assert len(equivalents(parse("227 Li:a O:b"))) == 2


@settings(deadline=None, max_examples=20)
@given(number=st.sampled_from([2, 10, 12, 47, 123, 166, 191, 221, 225]), pick=st.integers(0, 10**6))
def test_canonical_is_legal_idempotent_and_shared_by_all_equivalents(number: int, pick: int) -> None:
    counts = {"Li": 2, "O": 3}
    every = best_assignments(counts, space_group(number), 300)
    if not every:
        return
    proposal = every[pick % len(every)]
    first = canonical(proposal)
    assert illegal(first, counts) is None
    assert canonical(first) == first
    for orbits in equivalents(proposal):
        assert illegal(Proposal(number, orbits), counts) is None
        assert canonical(Proposal(number, orbits)) == first


@settings(deadline=None, max_examples=60)
@given(number=st.integers(1, 230), seed=st.integers(0, 999))
def test_points_of_an_orbit_are_found_on_their_letter_with_parameters_that_give_it_back(
    number: int, seed: int
) -> None:
    group, rng = space_group(number), np.random.default_rng(seed)
    position = group.positions[rng.integers(len(group.positions))]
    points = orbit_points(position, rng.random(position.freedom))
    assert points.shape == (position.multiplicity, 3)
    for point in points + rng.integers(-2, 3, size=points.shape):
        assert letter_of(group, point) == position.letter
        parameters = parameters_of(position, point)
        assert parameters is not None
        assert same_places(orbit_points(position, parameters), points)
    others = Counter(
        p.letter
        for p in group.positions
        if p.freedom < position.freedom and parameters_of(p, points[0]) is not None
    )
    assert not others


def same_places(a: np.ndarray, b: np.ndarray) -> bool:
    apart = a[:, None] - b[None]
    apart = np.abs(apart - np.rint(apart)).max(axis=2)
    return bool((apart.min(axis=0) < 1e-6).all() and (apart.min(axis=1) < 1e-6).all())
