"""Look-ahead: particles are judged by what their clean estimates relax to.

Guidance can stretch a cell to any volume, and a short relaxation springs it back: the volume of a
clean estimate says little about the crystal that it will become. Here a clean estimate takes a few
relaxation steps (positions and cell, FIRE, the campaign's estimator) before its gap is measured, so
that resampling favours the structures that keep the property. It needs no gradient and works with
every constraint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lodestone.constraints.clean import CleanEstimate

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Estimator
    from lodestone.sampling.objective import Objective

AT_REST = 0.1  # eV/Å; an estimate whose forces are below moves no further


@dataclass(frozen=True)
class LookAhead:
    """How a clean estimate is relaxed before it is judged: at most `steps` moves."""

    estimator: Estimator
    acceptable: Callable[[Atoms], str | None]
    """Why a structure must not be given to the estimator, or None."""
    steps: int

    def relaxed(self, clean: CleanEstimate) -> tuple[CleanEstimate, Tensor]:
        """The relaxed estimates, and which of them the estimator could follow, (n_structures,).

        Each atom is taken as its most probable element. A structure that cannot be followed stays
        as it was. No gradient flows through.
        """
        from lodestone.energies.differentiable import as_atoms

        numbers = clean.types.argmax(dim=1) + 1
        structures = as_atoms(clean.frac, clean.cell, numbers, clean.structure_idx)
        with torch.enable_grad():  # some estimators differentiate for their forces
            found = self._followed(structures)
        ends = [start if end is None else end for start, end in zip(structures, found, strict=True)]
        known = torch.tensor([end is not None for end in found], device=clean.cell.device)
        return self._estimate(ends, numbers, clean), known

    def _followed(self, structures: list[Atoms]) -> list[Atoms | None]:
        """Relaxed structures; an estimator that raises loses one structure, not the batch."""
        from lodestone.energies.relax import relax
        from lodestone.runtime.memory import is_exhausted

        try:
            found = relax(
                structures, self.estimator,
                steps=self.steps, largest_force=AT_REST, acceptable=self.acceptable,
            )  # fmt: skip
        except Exception as error:  # whatever a potential raises for an odd structure
            if is_exhausted(error):
                raise
            if len(structures) == 1:
                return [None]
            return [end for atoms in structures for end in self._followed([atoms])]
        return [r.atoms if r.failure is None else None for r in found]

    @staticmethod
    def _estimate(ends: list[Atoms], numbers: Tensor, clean: CleanEstimate) -> CleanEstimate:
        frac = np.concatenate([atoms.get_scaled_positions(wrap=False) for atoms in ends])
        cell = np.stack([atoms.cell.array for atoms in ends])
        types = torch.nn.functional.one_hot(numbers - 1, clean.types.shape[1])
        return CleanEstimate(
            frac=torch.from_numpy(frac).to(clean.frac),
            cell=torch.from_numpy(cell).to(clean.cell),
            types=types.to(clean.types),
            structure_idx=clean.structure_idx,
        )


class LookAheadObjective:
    """An objective that sees clean estimates as they will be after a short relaxation."""

    def __init__(self, objective: Objective, look_ahead: LookAhead) -> None:
        self._objective, self._look_ahead = objective, look_ahead

    @torch.no_grad()
    def gap(self, clean: CleanEstimate) -> Tensor:
        """Gap after the relaxation, (n_structures,); infinite where the estimator could not follow."""
        relaxed, followed = self._look_ahead.relaxed(clean)
        return torch.where(followed, self._objective.gap(relaxed), torch.inf)
