"""Compositions and proposals as the network's sequences.

Which Wyckoff position may come next, so that the formula can still be completed exactly.

An assignment is spelt element by element (in a given order), the letters of each in the order of the tables,
never going back. A letter is allowed if what then remains, of this element and of those after it, can still
be placed: a question that the dynamic programme of `fillings.py` answers exactly. Every word that takes
allowed letters only ends in a legal assignment, and every legal assignment is such a word, in one way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import torch

from lodestone.wyckoff.assignments import BEST, Programme, count_assignments
from lodestone.wyckoff.elements import SIZE, electropositive_first, features
from lodestone.wyckoff.groups import NUMBERS, SpaceGroup, space_group
from lodestone.wyckoff.learned.network import WIDEST, Batch
from lodestone.wyckoff.proposals import Orbit, Proposal


@dataclass(frozen=True)
class Place:
    """How far a word has come: the element that is being placed, its atoms left, and what may still be used.

    `first` is the index of the first position of the group that may come next, `used` the bit mask of the
    positions without free parameters (in the order of `Letters.fixed`) that are occupied.
    """

    element: int
    left: int
    first: int
    used: int


class Masks:
    """The allowed positions of a composition in a space group.

    Args:
        counts: atoms of each element per primitive cell.
        elements: the order in which they are placed.
        group: the space group.
    """

    def __init__(self, counts: Mapping[str, int], elements: Sequence[str], group: SpaceGroup) -> None:
        self.group = group
        self.elements = tuple(elements)
        self._programme = Programme(counts, group, BEST, elements=elements)
        fixed = {p.letter: i for i, p in enumerate(self._programme.letters.fixed)}
        self._bit = [1 << fixed[p.letter] if p.letter in fixed else 0 for p in group.positions]
        self._known: dict[Place, list[int]] = {}

    @property
    def start(self) -> Place:
        """Nothing placed yet."""
        return Place(0, self._programme.needed[0], 0, 0)

    @property
    def possible(self) -> bool:
        """Whether there is any assignment."""
        return bool(self._programme.total() > -math.inf)

    def done(self, place: Place) -> bool:
        """Whether every atom has its position."""
        return place.element == len(self.elements)

    def step(self, place: Place, index: int) -> Place:
        """Where a word stands after the position of this index."""
        left = place.left - self.group.positions[index].multiplicity
        used = place.used | self._bit[index]
        if left:
            return Place(place.element, left, index + bool(self._bit[index]), used)
        following = place.element + 1
        needed = 0 if following == len(self.elements) else self._programme.needed[following]
        return Place(following, needed, 0, used)

    def allowed(self, place: Place) -> list[int]:
        """Indices of the positions that may come next; never empty before the end of a possible word."""
        if place not in self._known:
            self._known[place] = [i for i in range(place.first, len(self._bit)) if self._fits(place, i)]
        return self._known[place]

    def _fits(self, place: Place, index: int) -> bool:
        if self.group.positions[index].multiplicity > place.left or place.used & self._bit[index]:
            return False
        after = self.step(place, index)
        return self.done(after) or self._fillable(after)

    def _fillable(self, place: Place) -> bool:
        """Whether the element's rest has room on the positions from `first` on, and all later elements."""
        programme, earlier = self._programme, sum(self._bit[: place.first])
        free = programme.free[place.element][self._free_before(place.first)]
        for mask, multiplicity in programme.letters.subsets:
            rest = place.left - multiplicity
            if rest < 0 or mask & (place.used | earlier) or free[rest] == -math.inf:
                continue
            if programme.value(place.element + 1, place.used | mask) > -math.inf:
                return True
        return False

    def _free_before(self, first: int) -> int:
        return sum(1 for bit in self._bit[:first] if not bit)


def word(proposal: Proposal, masks: Masks) -> list[int]:
    """The indices of positions that spell a proposal."""
    index = {p.letter: i for i, p in enumerate(masks.group.positions)}
    found = []
    for element in masks.elements:
        found += sorted(index[o.letter] for o in proposal.orbits if o.element == element)
    return found


def proposal_of(indices: Sequence[int], masks: Masks, weight: float) -> Proposal:
    """The proposal that a complete word spells.

    Raises:
        ValueError: the word is not allowed or not complete.
    """
    place, orbits = masks.start, []
    for index in indices:
        if masks.done(place) or index not in masks.allowed(place):
            raise ValueError(f"position {index} of space group {masks.group.number} is not allowed here")
        orbits.append(Orbit(masks.elements[place.element], masks.group.positions[index].letter))
        place = masks.step(place, index)
    if not masks.done(place):
        raise ValueError("the formula is not complete")
    return Proposal(masks.group.number, tuple(sorted(orbits)), weight)


@dataclass(frozen=True)
class Composition:
    """What is known before a space group is chosen.

    elements in the order of the sequence; vectors (E, 5); numbers (E,); log_counts (230,): log(1 + number of
    assignments) in each group.
    """

    elements: tuple[str, ...]
    vectors: np.ndarray
    numbers: np.ndarray
    log_counts: np.ndarray

    @property
    def counts(self) -> dict[str, int]:
        """Atoms of each element per primitive cell."""
        return dict(zip(self.elements, map(int, self.numbers), strict=True))


@dataclass(frozen=True)
class Word:
    """A group (index 0 to 229), its positions so far, and what may follow the group and each of them."""

    group: int
    orbits: tuple[int, ...]
    places: tuple[Place, ...]
    allowed: tuple[tuple[int, ...], ...]


def composition_of(counts: Mapping[str, int]) -> Composition:
    """A composition as the network sees it.

    Raises:
        ValueError: no atoms, or no such element.
    """
    elements = tuple(electropositive_first(list(counts)))
    return Composition(
        elements,
        np.array([features(e) for e in elements], dtype=np.float32),
        np.array([counts[e] for e in elements]),
        _log_counts(tuple(sorted(counts.values()))),
    )


@lru_cache(maxsize=4096)
def _log_counts(numbers: tuple[int, ...]) -> np.ndarray:
    """log(1 + number of assignments) in every group (230,): it depends on the numbers of atoms alone."""
    counts = {str(i): n for i, n in enumerate(numbers)}
    found = [math.log1p(count_assignments(counts, space_group(number))) for number in NUMBERS]
    return np.array(found, dtype=np.float32)


def begun(group: int, masks: Masks) -> Word:
    """The word that holds a group (index) and nothing else."""
    return Word(group, (), (masks.start,), (tuple(masks.allowed(masks.start)),))


def longer(spelt: Word, index: int, masks: Masks) -> Word:
    """A word with one more position."""
    place = masks.step(spelt.places[-1], index)
    allowed = () if masks.done(place) else tuple(masks.allowed(place))
    return Word(spelt.group, (*spelt.orbits, index), (*spelt.places, place), (*spelt.allowed, allowed))


def word_of(proposal: Proposal, composition: Composition) -> Word:
    """The word of a whole proposal."""
    masks = Masks(composition.counts, composition.elements, space_group(proposal.space_group))
    spelt = begun(proposal.space_group - 1, masks)
    for index in word(proposal, masks):
        spelt = longer(spelt, index, masks)
    return spelt


def batch_of(
    compositions: Sequence[Composition],
    words: Sequence[Word],
    targets: Sequence[float | None],
    legal: np.ndarray | None = None,
) -> Batch:
    """Sequences side by side.

    Args:
        compositions: one per sequence.
        words: the same number; whole or begun.
        targets: standardised values, None for none.
        legal: groups that may be chosen, (230,) of bool, where not all with an assignment.
    """
    n, most, longest = (
        len(words),
        max(len(c.elements) for c in compositions),
        max(len(w.orbits) for w in words),
    )
    batch = Batch(
        elements=torch.zeros(n, most, SIZE),
        element_counts=torch.zeros(n, most, dtype=torch.long),
        targets=torch.tensor([[0.0, 0.0] if t is None else [t, 1.0] for t in targets]),
        log_counts=torch.from_numpy(np.stack([c.log_counts for c in compositions])),
        legal=torch.ones(n, len(NUMBERS), dtype=torch.bool),
        groups=torch.tensor([w.group for w in words]),
        orbits=torch.zeros(n, longest, dtype=torch.long),
        next_element=torch.zeros(n, longest + 1, dtype=torch.long),
        left=torch.zeros(n, longest + 1, dtype=torch.long),
        allowed=torch.zeros(n, longest + 1, WIDEST, dtype=torch.bool),
    )
    batch.legal = (batch.log_counts > 0) & (torch.from_numpy(legal) if legal is not None else batch.legal)
    for i, (composition, spelt) in enumerate(zip(compositions, words, strict=True)):
        size, length = len(composition.elements), len(spelt.places)
        batch.elements[i, :size] = torch.from_numpy(composition.vectors)
        batch.element_counts[i, :size] = torch.from_numpy(composition.numbers)
        batch.orbits[i, : length - 1] = torch.tensor(spelt.orbits, dtype=torch.long)
        batch.next_element[i, :length] = torch.tensor([min(p.element, size - 1) for p in spelt.places])
        batch.left[i, :length] = torch.tensor([p.left for p in spelt.places])
        for t, allowed in enumerate(spelt.allowed):
            batch.allowed[i, t, list(allowed)] = True
    return batch


def rows_of(batch: Batch, rows: torch.Tensor) -> Batch:
    """Some sequences of a batch, padded to the longest of them."""
    part = replace(batch, **{f.name: getattr(batch, f.name)[rows] for f in fields(batch)})
    longest = int((part.left > 0).sum(dim=1).max())
    part.orbits = part.orbits[:, :longest]
    for name in ("next_element", "left", "allowed"):
        setattr(part, name, getattr(part, name)[:, : longest + 1])
    return part
