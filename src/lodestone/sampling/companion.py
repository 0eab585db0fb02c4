"""A harmless crystal at the end of a batch.

It serves twice. A batch in which no atom has a neighbour makes the network raise; beside the
companion it passes. And matrix products treat the last few rows of a batch with other instructions,
so that their last bits depend on how many rows there are; with a companion those rows are its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lodestone.sampling.state import MASK, Score, State

SPACING, PER_EDGE = 2.4, 2  # Å, atoms; a cubic grid of 8 atoms
ATOMS = PER_EDGE**3


def accompanied(state: State) -> State:
    """The batch with the companion behind its last structure; nothing is held."""
    device, dtype = state.cell.device, state.cell.dtype
    grid = torch.cartesian_prod(*[torch.arange(PER_EDGE, device=device)] * 3).to(dtype)
    cube = SPACING * PER_EDGE * torch.eye(3, device=device, dtype=dtype)
    n = state.n_structures
    return State(
        frac=torch.cat([state.frac, (grid + 0.25) / PER_EDGE]),
        cell=torch.cat([state.cell, cube[None]]),
        numbers=torch.cat([state.numbers, state.numbers.new_full((ATOMS,), MASK)]),
        n_atoms=torch.cat([state.n_atoms, state.n_atoms.new_full((1,), ATOMS)]),
        structure_idx=torch.cat([state.structure_idx, state.structure_idx.new_full((ATOMS,), n)]),
    )


def alone(score: Score) -> Score:
    """The score of an accompanied batch without that of the companion."""

    def atoms(values: Tensor) -> Tensor:
        return values[:-ATOMS]

    return Score(atoms(score.frac), score.cell[:-1], atoms(score.logits))
