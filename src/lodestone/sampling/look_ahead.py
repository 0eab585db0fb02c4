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
    from lodestone.energies.relax import Relaxed
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
        from lodestone.energies.relax import relax

        numbers = clean.types.argmax(dim=1) + 1
        structures = as_atoms(clean.frac, clean.cell, numbers, clean.structure_idx)
        with torch.enable_grad():  # some estimators differentiate for their forces
            found = relax(
                structures, self.estimator,
                steps=self.steps, largest_force=AT_REST, acceptable=self.acceptable,
            )  # fmt: skip
        return self._estimate(found, numbers, clean), torch.tensor(
            [r.failure is None for r in found], device=clean.cell.device
        )

    @staticmethod
    def _estimate(found: list[Relaxed], numbers: Tensor, clean: CleanEstimate) -> CleanEstimate:
        frac = np.concatenate([r.atoms.get_scaled_positions(wrap=False) for r in found])
        cell = np.stack([r.atoms.cell.array for r in found])
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
