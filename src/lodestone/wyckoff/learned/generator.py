"""The generator `learned`: proposals of a trained network, ranked by their probability.

    p(g, a | c, t) = p(g | c, t) · Π_i p(position_i | g, positions before, c, t)

Decoding is a best-first search over prefixes. Probabilities only fall along a word: once n whole words are
more probable than every open prefix, they are the n most probable ones of all. Proposals that stand for the
same crystals (`normaliser.py`) are one, with the probabilities of those words added that were found. The
search looks at 40 prefixes for each proposal asked for; what is open then is finished greedily, and better
ones may be missed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush, nlargest
from pathlib import Path

import numpy as np
import torch

from lodestone.wyckoff.assignments import legal_groups
from lodestone.wyckoff.groups import NUMBERS, space_group
from lodestone.wyckoff.learned.network import Network, Shape
from lodestone.wyckoff.learned.sequences import (
    Composition,
    Masks,
    Word,
    batch_of,
    begun,
    composition_of,
    longer,
    proposal_of,
)
from lodestone.wyckoff.learned.training import standardised
from lodestone.wyckoff.normaliser import canonical
from lodestone.wyckoff.proposals import Proposal

LOOKED_AT = 40  # prefixes evaluated for each proposal asked for
TOGETHER = 64  # prefixes in one pass of the network


@dataclass
class Search:
    """The open prefixes (−log p, order of arrival, word), and the proposals found with their weights."""

    composition: Composition
    target: float | None
    masks: dict[int, Masks] = field(default_factory=dict)
    open: list[tuple[float, int, Word]] = field(default_factory=list)
    found: dict[Proposal, float] = field(default_factory=dict)
    arrived: int = 0

    def add(self, cost: float, spelt: Word) -> None:
        """Take up a word: forced steps are taken at once, a whole word is found, any other stays open."""
        masks = self.masks[spelt.group]
        while len(spelt.allowed[-1]) == 1:
            spelt = longer(spelt, spelt.allowed[-1][0], masks)
        if spelt.allowed[-1]:
            self.arrived += 1
            heappush(self.open, (cost, self.arrived, spelt))
        else:
            first = canonical(proposal_of(spelt.orbits, masks, 1.0))
            self.found[first] = self.found.get(first, 0.0) + math.exp(-cost)

    def settled(self, n: int) -> bool:
        """Whether no open prefix can lead to one of the n most probable words."""
        if not self.open:
            return True
        if len(self.found) < n:
            return False
        return nlargest(n, self.found.values())[-1] >= math.exp(-self.open[0][0])


class Learned:
    """Proposals of a network.

    Args:
        network: the trained network.
        scale: mean and standard deviation of the targets, None where it knows none.
    """

    source = "learned"

    def __init__(self, network: Network, scale: tuple[float, float] | None) -> None:
        self.network = network.eval()
        self.scale = scale

    def propose(
        self,
        counts: Mapping[str, int],
        n: int,
        *,
        space_groups: Sequence[int] | None = None,
        target: float | None = None,
        seed: int = 0,  # noqa: ARG002  (nothing is drawn)
    ) -> list[Proposal]:
        """Up to n proposals, the most probable first; see `Generator.propose`.

        With `space_groups`, probabilities are among these.

        Raises:
            ValueError: a target is asked for and the network knows none; a composition without atoms.
        """
        legal = legal_groups(counts, space_groups)
        search = self._search(counts, target)
        if not legal or n < 1:
            return []
        with torch.inference_mode():
            self._begin(search, legal)
            for _ in range(0, LOOKED_AT * n, TOGETHER):
                if search.settled(n):
                    break
                self._expand(search, [heappop(search.open) for _ in range(min(TOGETHER, len(search.open)))])
            self._finish(search, n)
        ranked = sorted(search.found.items(), key=lambda x: (-x[1], x[0].space_group, x[0].orbits))
        return [replace(proposal, weight=weight) for proposal, weight in ranked[:n]]

    def group_probabilities(
        self, counts: Mapping[str, int], *, target: float | None = None
    ) -> dict[int, float]:
        """p(g | c, t) of every group in which the composition has an assignment."""
        legal = legal_groups(counts)
        search = self._search(counts, target)
        with torch.inference_mode():
            costs = self._begin(search, legal)
        return {g: math.exp(-cost) for g, cost in costs.items()}

    def _search(self, counts: Mapping[str, int], target: float | None) -> Search:
        if target is not None and self.scale is None:
            raise ValueError("a target is asked for, but the model was trained without one")
        return Search(composition_of(counts), standardised(target, self.scale))

    def _begin(self, search: Search, legal: Sequence[int]) -> dict[int, float]:
        """Open the search with every legal group; return their −log p."""
        if not legal:
            return {}
        counts, elements = search.composition.counts, search.composition.elements
        search.masks = {g - 1: Masks(counts, elements, space_group(g)) for g in legal}
        allowed = np.isin(np.array(NUMBERS), legal)
        first = begun(legal[0] - 1, search.masks[legal[0] - 1])
        groups, _ = self.network(batch_of([search.composition], [first], [search.target], allowed))
        costs = {g: -float(groups[0, g - 1]) for g in legal}
        for g, cost in costs.items():
            search.add(cost, begun(g - 1, search.masks[g - 1]))
        return costs

    def _expand(self, search: Search, prefixes: Sequence[tuple[float, int, Word]]) -> None:
        for (cost, _, spelt), letters in zip(prefixes, self._next(search, prefixes), strict=True):
            for index in spelt.allowed[-1]:
                search.add(cost - float(letters[index]), longer(spelt, index, search.masks[spelt.group]))

    def _next(self, search: Search, prefixes: Sequence[tuple[float, int, Word]]) -> np.ndarray:
        """Log-probabilities of the next position of every prefix, (prefixes, 27)."""
        words = [spelt for _, _, spelt in prefixes]
        batch = batch_of([search.composition] * len(words), words, [search.target] * len(words))
        _, letters = self.network(batch)
        last = torch.tensor([len(w.orbits) for w in words])
        return letters[torch.arange(len(words)), last].double().numpy()

    def _finish(self, search: Search, n: int) -> None:
        """Complete the most probable open prefixes, by the most probable positions, until n are found."""
        while search.open and len(search.found) < n:
            wanted = min(TOGETHER, n - len(search.found), len(search.open))
            prefixes = [heappop(search.open) for _ in range(wanted)]
            search_open, search.open = search.open, []
            while prefixes:
                for (cost, _, spelt), letters in zip(prefixes, self._next(search, prefixes), strict=True):
                    index = max(spelt.allowed[-1], key=lambda i: float(letters[i]))
                    search.add(cost - float(letters[index]), longer(spelt, index, search.masks[spelt.group]))
                prefixes, search.open = search.open, []
            search.open = search_open


def load(path: Path) -> Learned:
    """The generator of a file that training wrote.

    Raises:
        ValueError: the file is no model of this kind.
    """
    saved = torch.load(path, weights_only=True)
    if not isinstance(saved, dict) or {"shape", "scale", "weights"} - set(saved):
        raise ValueError(f"{path} holds no learned generator; `learned_train.train` writes one")
    network = Network(Shape(**saved["shape"]))
    network.load_state_dict(saved["weights"])
    return Learned(network, saved["scale"] and tuple(saved["scale"]))
