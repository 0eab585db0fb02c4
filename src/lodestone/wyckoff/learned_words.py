"""Compositions and proposals as the network's sequences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import torch

from lodestone.wyckoff.assignments import count_assignments
from lodestone.wyckoff.elements import SIZE, electropositive_first, features
from lodestone.wyckoff.groups import NUMBERS, space_group
from lodestone.wyckoff.learned_features import WIDEST
from lodestone.wyckoff.learned_masks import Masks, Place, word
from lodestone.wyckoff.learned_model import Batch
from lodestone.wyckoff.proposal import Proposal


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
