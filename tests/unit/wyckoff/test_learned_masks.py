"""Masks of decoding: what they allow is every legal assignment, once, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestone.wyckoff.assignments import count_assignments, ranked_assignments
from lodestone.wyckoff.groups import NUMBERS, space_group
from lodestone.wyckoff.learned.sequences import Masks, Place, proposal_of, word
from lodestone.wyckoff.proposals import illegal, parse

formulas = st.dictionaries(st.sampled_from(["Li", "Co", "O"]), st.integers(1, 5), min_size=1, max_size=3)


def words(masks: Masks, place: Place, begun: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    if masks.done(place):
        yield begun
        return
    allowed = masks.allowed(place)
    assert allowed, "a dead end"
    for index in allowed:
        yield from words(masks, masks.step(place, index), (*begun, index))


@settings(deadline=None, max_examples=80)
@given(counts=formulas, number=st.integers(1, 230), reverse=st.booleans())
def test_allowed_words_are_the_legal_assignments_each_once(counts: dict, number: int, reverse: bool) -> None:
    group = space_group(number)
    masks = Masks(counts, sorted(counts, reverse=reverse), group)
    n = count_assignments(counts, group)
    assert masks.possible == (n > 0)
    if not 0 < n < 3000:
        return
    spelt = list(words(masks, masks.start))
    found = Counter(proposal_of(w, masks, 1.0).orbits for w in spelt)
    assert set(found) == {p.orbits for p in ranked_assignments(counts, group)}
    assert set(found.values()) == {1}
    for one in spelt[:20]:
        assert tuple(word(proposal_of(one, masks, 1.0), masks)) == one


def test_a_random_walk_through_the_masks_of_every_group_ends_legal() -> None:
    import random

    rng, counts, walked = random.Random(5), {"Ca": 3, "Cu": 4, "P": 6, "Si": 4}, 0
    for number in NUMBERS:
        masks = Masks(counts, ["Ca", "Si", "Cu", "P"], space_group(number))
        for _ in range(3 if masks.possible else 0):
            place, taken = masks.start, []
            while not masks.done(place):
                taken.append(rng.choice(masks.allowed(place)))
                place = masks.step(place, taken[-1])
            assert illegal(proposal_of(taken, masks, 1.0), counts) is None
            walked += 1
    assert walked > 100


def test_wrong_words_are_refused() -> None:
    masks = Masks({"Li": 1, "O": 1}, ["Li", "O"], space_group(225))
    assert word(parse("225 Li:b O:a"), masks) == [1, 0]
    with pytest.raises(ValueError, match="not allowed"):
        proposal_of([0, 0], masks, 1.0)
    with pytest.raises(ValueError, match="not complete"):
        proposal_of([0], masks, 1.0)
