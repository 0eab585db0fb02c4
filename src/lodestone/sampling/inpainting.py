"""Values that are held while a batch is denoised: fixed types, and inpainting.

As in MatterGen's own sampler with a mask, a held entry has its clean value at every time; it is put
back after every transition, so that neither noise nor guidance moves it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from lodestone.constraints.clean import CleanEstimate
    from lodestone.sampling.guidance import Objective
    from lodestone.sampling.state import Holding, State
    from lodestone.sampling.template import Template


@dataclass(frozen=True)
class Fixed:
    """Held values of a batch and where they are held.

    frac (n_atoms, 3), cell (n_structures, 3, 3) in Å, numbers (n_atoms,); the masks `on_frac`,
    `on_cell` and `on_numbers` have the same shapes and are True where the value is held.
    """

    frac: Tensor
    cell: Tensor
    numbers: Tensor
    on_frac: Tensor
    on_cell: Tensor
    on_numbers: Tensor

    def apply(self, state: State) -> State:
        """The state with every held value put back."""
        return state.with_fields(
            torch.where(self.on_frac, self.frac.to(state.frac), state.frac),
            torch.where(self.on_cell, self.cell.to(state.cell), state.cell),
            torch.where(self.on_numbers, self.numbers, state.numbers),
        )

    def hold(self, clean: CleanEstimate) -> CleanEstimate:
        """A clean estimate with every held value put back; its gradient there is zero.

        Held types are decided in the state, so an estimate has them already.
        """
        return replace(
            clean,
            frac=torch.where(self.on_frac, self.frac.to(clean.frac), clean.frac),
            cell=torch.where(self.on_cell, self.cell.to(clean.cell), clean.cell),
        )


def fixed_batch(
    templates: Mapping[int, Template], sizes: Sequence[int], device: torch.device | str = "cpu"
) -> Fixed | None:
    """What is held in a batch of these sizes; None where nothing is."""
    if not templates:
        return None
    chosen = [templates[n] for n in sizes]

    def joined(values: list[Tensor]) -> Tensor:
        return torch.cat(values).to(device)

    def on(field: str, template: Template) -> Tensor:
        return torch.from_numpy(template.atoms) & (field in template.fields)

    return Fixed(
        frac=joined([torch.from_numpy(t.frac).float() for t in chosen]),
        cell=joined([torch.from_numpy(t.cell).float()[None] for t in chosen]),
        numbers=joined([torch.from_numpy(t.numbers).long() for t in chosen]),
        on_frac=joined([on("positions", t)[:, None].expand(-1, 3) for t in chosen]),
        on_cell=joined([torch.full((1, 3, 3), "cell" in t.fields) for t in chosen]),
        on_numbers=joined([on("types", t) for t in chosen]),
    )


class HeldObjective:
    """An objective that sees held values as they are, so that its gradient moves only the others."""

    def __init__(self, objective: Objective, fixed: Holding) -> None:
        self._objective, self._fixed = objective, fixed

    def gap(self, clean: CleanEstimate) -> Tensor:
        """How far each structure is from the target, (n_structures,)."""
        return self._objective.gap(self._fixed.hold(clean))

    def loss(self, clean: CleanEstimate) -> Tensor:
        """The loss with each term's own distance, (n_structures,)."""
        return self._objective.loss(self._fixed.hold(clean))
