"""Counting and ranking of assignments, against brute force and against PyXtal's own combinations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from itertools import combinations_with_replacement, pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestone.wyckoff.assignments import (
    best_assignments,
    count_assignments,
    letters_of,
    log_total,
    ranked_assignments,
)
from lodestone.wyckoff.groups import NUMBERS, SpaceGroup, space_group
from lodestone.wyckoff.proposals import Orbit, illegal


@lru_cache(maxsize=10_000)
def multisets(n: int, number: int) -> tuple[tuple[str, ...], ...]:
    """Every multiset of letters of a group whose multiplicities add up to n, by trying all of them."""
    letters = {p.letter: p.multiplicity for p in space_group(number).positions if p.multiplicity <= n}
    smallest = min(letters.values(), default=n + 1)
    return tuple(
        chosen
        for size in range(1, n // smallest + 1)
        for chosen in combinations_with_replacement(sorted(letters), size)
        if sum(letters[x] for x in chosen) == n
    )


def brute_force(counts: Mapping[str, int], group: SpaceGroup) -> set[tuple[Orbit, ...]]:
    fixed = {p.letter for p in group.positions if p.freedom == 0}
    found = set()
    for parts in product(*(multisets(counts[e], group.number) for e in sorted(counts))):
        used = Counter(letter for part in parts for letter in part)
        if all(n == 1 or letter not in fixed for letter, n in used.items()):
            pairs = zip(sorted(counts), parts, strict=True)
            found.add(tuple(sorted(Orbit(e, letter) for e, part in pairs for letter in part)))
    return found


formulas = st.dictionaries(st.sampled_from(["Li", "Co", "O"]), st.integers(1, 4), min_size=1, max_size=3)


@settings(deadline=None, max_examples=60)
@given(counts=formulas, number=st.integers(1, 230), seed=st.integers(0, 99))
def test_all_assignments_are_those_of_brute_force_in_the_order_of_their_scores(
    counts: dict[str, int], number: int, seed: int
) -> None:
    group = space_group(number)
    score = lambda element, letter: -(hash((len(element), ord(letter), seed)) % 1000) / 100
    expected = brute_force(counts, group)
    if len(expected) > 5000:
        return
    found = list(ranked_assignments(counts, group, score))
    assert {p.orbits for p in found} == expected
    assert len(found) == len(expected) == count_assignments(counts, group)
    sums = [sum(score(o.element, o.letter) for o in p.orbits) for p in found]
    assert all(a >= b - 1e-8 for a, b in pairwise(sums))
    assert [p.weight for p in found] == pytest.approx([math.exp(s) for s in sums])
    total = math.log(sum(math.exp(s) for s in sums)) if sums else -math.inf
    assert log_total(counts, group, score) == pytest.approx(total)
    assert best_assignments(counts, group, 7, score) == found[:7]


@pytest.mark.parametrize("counts", [{"Li": 1, "O": 2}, {"Co": 1, "Li": 1, "O": 3}, {"B": 12}])
def test_every_group_is_counted_as_brute_force_does_and_ranks_legal_ones_only(counts: dict) -> None:
    for number in NUMBERS:
        group = space_group(number)
        expected = sum(1 for _ in brute_force(counts, group)) if sum(counts.values()) < 9 else None
        n = count_assignments(counts, group)
        assert expected is None or n == expected, number
        best = best_assignments(counts, group, 20)
        assert len(best) == min(n, 20)
        assert len({p.orbits for p in best}) == len(best)
        assert [illegal(p, counts) for p in best] == [None] * len(best)


@pytest.mark.slow
def test_counts_agree_with_pyxtal() -> None:
    from pyxtal.symmetry import Group

    for number, counts in ((194, {"Li": 2, "O": 4}), (62, {"Li": 4, "O": 8}), (47, {"Li": 1, "O": 3})):
        group = space_group(number)
        cells = round(1 / abs(_det(group)))
        combinations, _, _ = Group(number).list_wyckoff_combinations([n * cells for n in counts.values()])
        assert count_assignments(counts, group) == len(combinations), number


def _det(group: SpaceGroup) -> float:
    import numpy as np

    return float(np.linalg.det(group.primitive))


def test_known_numbers() -> None:
    rocksalt = space_group(225)
    # one of a and b each; two oxygen cannot share them with lithium except on c (multiplicity 2)
    assert count_assignments({"Li": 1, "O": 1}, rocksalt) == 2
    assert [str(p) for p in best_assignments({"Li": 1, "O": 1}, rocksalt, 9)] == [
        "225 Li:a O:b", "225 Li:b O:a",
    ]  # fmt: skip
    assert count_assignments({"Li": 1, "O": 2}, rocksalt) == 2
    assert count_assignments({"Li": 3}, rocksalt) == 2
    assert count_assignments({"B": 20}, space_group(1)) == 1
    assert count_assignments({"B": 5, "Li": 5}, rocksalt) == 0
    assert best_assignments({"B": 5, "Li": 5}, rocksalt, 3) == []
    assert log_total({"B": 5, "Li": 5}, rocksalt) == -math.inf


def test_a_large_cell_is_exact_too() -> None:
    group = space_group(47)
    counts = {"Ca": 5, "Cu": 5, "P": 5, "Si": 5}
    assert len(letters_of(group).fixed) == 8
    assert count_assignments(counts, group) > 10**6
    best = best_assignments(counts, group, 200, lambda _, letter: -float(ord(letter)))
    assert len({p.orbits for p in best}) == 200
    assert all(illegal(p, counts) is None for p in best)


def test_forbidden_letters_are_not_used_and_ties_do_not_depend_on_the_order_of_the_formula() -> None:
    group = space_group(225)
    score = lambda element, letter: -math.inf if (element, letter) == ("Li", "a") else 0.0
    assert [str(p) for p in best_assignments({"Li": 1, "O": 1}, group, 9, score)] == ["225 Li:b O:a"]
    assert log_total({"Li": 1, "O": 1}, group, score) == pytest.approx(0)
    a = best_assignments({"Li": 2, "Co": 1, "O": 3}, space_group(47), 50)
    assert a == best_assignments({"O": 3, "Co": 1, "Li": 2}, space_group(47), 50)


@pytest.mark.parametrize("counts", [{}, {"Li": 0, "O": 1}, {"Li": -1}])
def test_a_formula_without_atoms_is_refused(counts: dict) -> None:
    with pytest.raises(ValueError, match="at least one atom"):
        count_assignments(counts, space_group(1))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_score_that_is_no_log_weight_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match=r"Li:a"):
        best_assignments({"Li": 1}, space_group(1), 1, lambda *_: bad)
