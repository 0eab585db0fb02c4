"""Under the quota no choice leads into a dead end, and no choice that leads out is ruled out."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lodestone.sampling.state import MASK
from lodestone.sampling.symmetric.subspace import subspace_of
from lodestone.sampling.symmetric.unmasking import FORBIDDEN, allowed_logits, choices, fits, unmasked
from lodestone.structures.elements import ELEMENTS
from lodestone.wyckoff.proposals import Proposal, parse

placed = st.lists(
    st.tuples(st.sampled_from([1, 2, 3, 4, 6, 8]), st.sampled_from(["Co", "Li", "O"])), min_size=1, max_size=6
)


def totals(orbits: list[tuple[int, str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for size, element in orbits:
        found[element] = found.get(element, 0) + size
    return found


@given(placed, st.randoms(use_true_random=False))
def test_any_sequence_of_allowed_choices_ends_with_the_formula(orbits: list, random) -> None:
    sizes, left = [size for size, _ in orbits], totals(orbits)
    while sizes:
        size = sizes.pop(random.randrange(len(sizes)))
        element = random.choice(choices(size, sizes, left))
        left[element] -= size
    assert not any(left.values())


@given(
    st.lists(st.sampled_from([1, 2, 3, 4]), max_size=5), st.lists(st.integers(0, 7), min_size=1, max_size=3)
)
def test_fits_is_what_trying_all_says(orbits: list[int], bins: list[int]) -> None:
    left = {ELEMENTS[i]: n for i, n in enumerate(bins)}
    tried = product(range(len(bins)), repeat=len(orbits))
    sums = (
        [sum(o for o, b in zip(orbits, c, strict=True) if b == i) for i in range(len(bins))] for c in tried
    )
    assert fits(orbits, left) == any(found == bins for found in sums)


def test_a_tight_formula_leaves_one_choice() -> None:
    assert choices(2, [1, 1], {"Li": 1, "Co": 1, "O": 2}) == ["O"]
    assert choices(1, [1, 2], {"Li": 1, "Co": 1, "O": 2}) == ["Co", "Li"]
    assert choices(1, [3], {"Li": 2, "O": 2}) == []


@pytest.mark.parametrize("steps", [1, 4])
def test_types_come_out_with_the_formula_orbit_by_orbit(steps: int) -> None:
    proposals = [
        parse("12 Co:a Li:b O:i O:g"),
        parse("2 Li:a Co:b O:i O:i Co:i"),
        parse("166 Co:a Li:b O:c"),
    ] * 20
    subspace = subspace_of(proposals, "quota")
    torch.manual_seed(0)
    numbers = torch.full_like(subspace.numbers, MASK)
    logits = 3 * torch.randn(len(numbers), 101)
    for step in range(steps):
        numbers, mean = unmasked(subspace, numbers, logits, 1 / (steps - step))
        assert torch.equal(numbers, mean)
    first = 0
    seen = set()
    for proposal in proposals:
        mine = numbers[first : first + proposal.n_atoms].tolist()
        first += proposal.n_atoms
        assert {e: mine.count(ELEMENTS.index(e) + 1) for e in proposal.counts} == proposal.counts
        seen.add((proposal.space_group, tuple(mine)))
    assert len(seen) > 4  # the elements are not those of the proposal alone
    spread = subspace.orbits.mean(numbers[:, None].double())[subspace.orbits.orbit_idx][:, 0]
    assert torch.equal(spread, numbers.double())


def test_logits_of_what_the_quota_rules_out_are_forbidden() -> None:
    subspace = subspace_of([parse("166 Co:a Li:b O:c")], "quota")
    numbers = torch.tensor([27, MASK, MASK, MASK])
    found = allowed_logits(subspace, numbers, torch.zeros(4, 101))
    left = [sorted((torch.nonzero(row > FORBIDDEN)[:, 0] + 1).tolist()) for row in found]
    assert left[1:] == [[3], [8], [8]]


def test_without_a_quota_types_follow_the_logits() -> None:
    proposals = [Proposal(1, parse("1 Li:a").orbits)] * 4000
    subspace = subspace_of(proposals, "free")
    logits = torch.full((4000, 101), -1e9)
    for number, share in {3: 0.2, 8: 0.5, 27: 0.3}.items():
        logits[:, number - 1] = torch.log(torch.tensor(share))
    torch.manual_seed(0)
    numbers, mean = unmasked(subspace, torch.full((4000,), MASK), logits, 0.6)
    shares = [float((numbers == z).float().mean()) for z in (3, 8, 27, MASK)]
    assert shares == pytest.approx([0.12, 0.30, 0.18, 0.40], abs=0.03)
    assert set(mean.tolist()) == {MASK}  # staying masked is the most probable
    assert set(unmasked(subspace, torch.full((4000,), MASK), logits, 1.0)[1].tolist()) == {8}


def test_assigned_types_never_change() -> None:
    subspace = subspace_of([parse("166 Co:a Li:b O:c")], "assigned")
    assert subspace.numbers.tolist() == [27, 3, 8, 8]
    assert unmasked(subspace, subspace.numbers, torch.randn(4, 101), 1.0)[0].tolist() == [27, 3, 8, 8]
    with pytest.raises(ValueError, match="allowed are assigned, quota, free"):
        subspace_of([parse("166 Co:a")], "other")
