"""The finishing relaxation of a search, with what it cost.

The cost is counted by an estimator that counts what it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lodestone.energies.relax import Relaxation
from lodestone.sampling.resume import Remembers, loop

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Estimator, Evaluation
    from lodestone.energies.guards import Guards
    from lodestone.energies.relax import Relaxed
    from lodestone.sampling.search.options import SearchOptions


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

    def remembered(self) -> int:
        """The calls."""
        return self.calls

    def recall(self, memory: int) -> None:
        """Count on from there."""
        self.calls = memory

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Evaluate structures; the order is kept."""
        try:
            found = self._inner.evaluate(structures)
        except Exception:
            self.calls += len(structures) == 1
            raise
        self.calls += len(structures)
        return found


@dataclass(frozen=True)
class Finished:
    """The end of one structure; its `calls` of the estimator."""

    relaxed: Relaxed
    calls: int

    @property
    def energy(self) -> float | None:
        """eV/atom at the end, None where the relaxation failed."""
        if self.relaxed.failure is not None:
            return None
        return self.relaxed.evaluation.energy / len(self.relaxed.atoms)


def finish(
    structures: Sequence[Atoms], options: SearchOptions, estimator: Estimator, guards: Guards
) -> list[Finished]:
    """Relax positions and cells; what the guards or the estimator refuse keeps its last good state.

    In a batch of `run_shard` it goes on at the step where a killed one was (see `sampling.resume`).
    """
    noted = _Noted(guards)
    relaxation = Relaxation(
        structures, estimator,
        largest_force=options.largest_force, steps=options.relax_steps, acceptable=noted,
    )  # fmt: skip
    most = options.relax_steps + 1
    members = {"relaxation": relaxation, "refused": noted, "estimator": estimator}
    if not isinstance(estimator, Remembers):
        del members["estimator"]
    place = loop("relaxation step", most, members, about=[len(atoms) for atoms in structures])
    first, _ = place.begin(None)
    for step in range(first, most):
        place.at(step, None)
        if not relaxation.step():
            break
    place.end(None)
    # a move follows every evaluation but the last; what the guards refuse is not evaluated
    found = relaxation.relaxed()
    return [Finished(one, one.steps + (one.failure not in noted.reasons)) for one in found]


class _Noted:
    """Guards that know what they refused."""

    def __init__(self, guards: Guards) -> None:
        self._guards = guards
        self.reasons: set[str] = set()

    def __call__(self, atoms: Atoms) -> str | None:
        reason = self._guards(atoms)
        if reason is not None:
            self.reasons.add(reason)
        return reason

    def remembered(self) -> list[str]:
        return sorted(self.reasons)

    def recall(self, memory: list[str]) -> None:
        self.reasons = set(memory)
