"""What a generator of proposals is: from a composition to ranked ones, and several compositions at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import polars as pl

from lodestone.structures.formulas import formula_of
from lodestone.wyckoff.proposals import Proposal, to_table


class Generator(Protocol):
    """Anything that proposes space groups and Wyckoff assignments for a composition."""

    source: str
    """Its name in tables of proposals."""

    def propose(
        self,
        counts: Mapping[str, int],
        n: int,
        *,
        space_groups: Sequence[int] | None = None,
        target: float | None = None,
        seed: int = 0,
    ) -> list[Proposal]:
        """Up to n proposals, the most probable first, all legal and no two for the same crystals.

        Empty only where no assignment is legal in any of the space groups asked for.

        Args:
            counts: atoms of each element per primitive cell.
            n: how many at most.
            space_groups: the only ones to propose; all 230 if None.
            target: the property asked for, in the unit of the column that the generator was given.
            seed: of whatever is drawn; the same seed gives the same proposals.

        Returns:
            Canonical proposals (see `normaliser.py`); the weights are probabilities and add up to 1 at most.
        """
        ...


def proposals_for(
    generator: Generator,
    compositions: Sequence[Mapping[str, int]],
    n: int,
    space_groups: Sequence[int] | None = None,
    seed: int = 0,
    *,
    target: float | None = None,
) -> pl.DataFrame:
    """The n best proposals, shared evenly over the compositions, ranked by weight.

    Every composition gets n over their number, the first ones one more where that leaves a remainder. Where
    one has fewer, its share goes to the others: n come back unless there are fewer in all.

    Args:
        generator: what proposes.
        compositions: atoms of each element per primitive cell, each composition once.
        n: how many in all.
        space_groups: the only ones to propose; all 230 if None.
        seed: for generators that draw.
        target: see `Generator.propose`.

    Returns:
        A table of proposals (`table.py`).

    Raises:
        ValueError: no composition, one stands there twice, n is below 1, or none of the compositions has a
            legal assignment in any of the space groups.
    """
    formulas = [formula_of(counts) for counts in compositions]
    if not formulas or n < 1:
        raise ValueError(f"proposals need a composition and a number from 1, not {len(formulas)} and {n}")
    if len({frozenset(counts.items()) for counts in compositions}) < len(formulas):
        raise ValueError(f"a composition stands twice in {', '.join(formulas)}")
    found: list[list[Proposal]] = [[] for _ in compositions]
    wanted = {i: math.ceil(n / len(compositions)) for i in range(len(compositions))}
    while wanted:
        for i, share in wanted.items():
            found[i] = generator.propose(
                compositions[i], share, space_groups=space_groups, target=target, seed=seed
            )
        lacking = n - sum(map(len, found))
        more = {i: share for i, share in wanted.items() if len(found[i]) == share} if lacking > 0 else {}
        wanted = {i: share + math.ceil(lacking / len(more)) for i, share in more.items()}
    if not any(found):
        groups = (
            "any space group" if space_groups is None else f"space groups {', '.join(map(str, space_groups))}"
        )
        raise ValueError(f"{', '.join(formulas)}: the Wyckoff positions of {groups} never add up to it")
    shares = _shares([len(proposals) for proposals in found], n)
    chosen: list[tuple[str, Proposal]] = []
    for formula, proposals, share in zip(formulas, found, shares, strict=True):
        chosen += [(formula, proposal) for proposal in proposals[:share]]
    chosen.sort(key=lambda pair: -pair[1].weight)  # stable: equals stay in the order of compositions
    return to_table(chosen, generator.source)


def _shares(available: Sequence[int], n: int) -> list[int]:
    """How many each may give, as evenly as what they have allows: one after the other in turn."""
    given = [0] * len(available)
    while sum(given) < min(n, sum(available)):
        for i, most in enumerate(available):
            if given[i] < most and sum(given) < n:
                given[i] += 1
    return given
