"""The finishing relaxation of a search, with what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lodestone.energies.relax import relax

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Estimator
    from lodestone.energies.guards import Guards
    from lodestone.energies.relax import Relaxed
    from lodestone.sampling.search.options import SearchOptions


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
    """Relax positions and cells; what the guards or the estimator refuse keeps its last good state."""
    refused: set[str] = set()

    def acceptable(atoms: Atoms) -> str | None:
        reason = guards(atoms)
        if reason is not None:
            refused.add(reason)
        return reason

    found = relax(
        structures, estimator,
        largest_force=options.largest_force, steps=options.relax_steps, acceptable=acceptable,
    )  # fmt: skip
    # a move follows every evaluation but the last; what the guards refuse is not evaluated
    return [Finished(one, one.steps + (one.failure not in refused)) for one in found]
