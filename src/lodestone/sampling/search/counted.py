"""An estimator that counts what it is asked: the cost of a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Estimator, Evaluation


class Counted:
    """An estimator and its `calls`: one per structure whose energy, forces and stress were asked.

    A batch that raises answered nothing and is not counted, unless it is a single structure; its parts
    are asked again and counted then.
    """

    def __init__(self, estimator: Estimator) -> None:
        self._inner = estimator
        self.name = estimator.name
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        """What else the estimator says of itself: elements, cutoff, described."""
        if name in {"_inner", "energy_only"}:  # energies alone would pass uncounted
            raise AttributeError(name)
        return getattr(self._inner, name)

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Evaluate structures; the order is kept."""
        try:
            found = self._inner.evaluate(structures)
        except Exception:
            self.calls += len(structures) == 1
            raise
        self.calls += len(structures)
        return found
