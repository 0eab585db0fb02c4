"""What a constraint generator is: from a composition to ranked proposals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from lodestone.wyckoff.proposal import Proposal


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
