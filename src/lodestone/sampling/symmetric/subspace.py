"""What a batch is confined to: the orbits, lattices and elements of its proposals.

A `Subspace` stands in a state where `Fixed` stands in inpainting: the loop puts the state back into it after
every transition. In between, transitions project displacements, because a wrapped coordinate can no longer be
projected; the coordinates of a confined state are unwrapped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lodestone.sampling.process import symmetric_noise
from lodestone.sampling.state import MASK
from lodestone.sampling.symmetric.lattices import Lattices, lattices
from lodestone.sampling.symmetric.orbits import Orbits, orbits_of
from lodestone.structures.elements import ELEMENTS
from lodestone.wyckoff.proposals import Proposal

if TYPE_CHECKING:
    from lodestone.constraints.clean import CleanEstimate
    from lodestone.sampling.state import Kernel, Score, State

ASSIGNED, QUOTA, FREE = "assigned", "quota", "free"
"""Elements as the proposal says; drawn under the proposal's formula; or drawn as they come."""


@dataclass(frozen=True)
class Subspace:
    """The subspace of a batch.

    numbers (n_atoms,): atomic numbers that are known from the start, MASK where they are not. quotas: of each
    structure the atoms of each element by symbol, or None where no formula is asked for.
    """

    orbits: Orbits
    lattices: Lattices
    numbers: Tensor
    quotas: Sequence[Mapping[str, int] | None]
    dimensions: Tensor
    """Free parameters of the positions and of the lattice of each structure, (2, n_structures)."""

    @property
    def on_frac(self) -> Tensor:
        """Where a coordinate has no freedom at all, (n_atoms, 1)."""
        return (self.orbits.slopes.abs().sum(dim=(1, 2)) == 0)[:, None]

    @property
    def on_cell(self) -> Tensor:
        """Where an element of the lattice is held: nowhere, (1, 1, 1)."""
        return torch.zeros(1, 1, 1, dtype=torch.bool, device=self.numbers.device)

    def apply(self, state: State) -> State:
        """The state drawn back into the subspace; one that is in it stays there."""
        return state.with_fields(
            self.orbits.nearest(state.frac),
            self.lattices.nearest(state.cell),
            torch.where(self.numbers == MASK, state.numbers, self.numbers),
        )

    def hold(self, clean: CleanEstimate) -> CleanEstimate:
        """A clean estimate with an allowed lattice; the gradient is that along the allowed ones.

        Its positions need nothing: they come from a projected score, and the gradient of anything that
        depends on the crystal alone is symmetric where the crystal is.
        """
        return replace(clean, cell=self.lattices.smoothly(clean.cell))

    def confined(self, state: State, score: Score) -> Score:
        """The part of a score along the subspace; logits are means over orbits."""
        return replace(
            score,
            frac=self.orbits.along(score.frac),
            cell=self.lattices.along(state.cell, score.cell),
            logits=self.orbits.mean(score.logits)[self.orbits.orbit_idx],
        )

    def renoise(self, state: State, early: Kernel, late: Kernel) -> State:
        """x_t from x_s, s < t, by the forward kernel of the subspace; orbits are masked as a whole.

        Positions and linear lattices exactly, curved ones to first order. Draws from the current random
        generator.
        """
        widening = torch.sqrt((late.sigma**2 - early.sigma**2).clamp_min(0))
        frac = state.frac + self.orbits.along(widening * torch.randn_like(state.frac))
        alpha = late.alpha / early.alpha
        noise = torch.sqrt((1 - alpha**2) * late.variance) * symmetric_noise(state.cell)
        cell = self.lattices.moved(state.cell, (1 - alpha) * (late.limit - state.cell) + noise)
        draws = torch.rand(self.orbits.n_orbits, device=state.cell.device)
        forget = (draws < 1 - late.kept / early.kept)[self.orbits.orbit_idx] & (self.numbers == MASK)
        return state.with_fields(frac, cell, torch.where(forget, MASK, state.numbers))


def subspace_of(
    proposals: Sequence[Proposal], elements: str = ASSIGNED, device: torch.device | str = "cpu"
) -> Subspace:
    """The subspace of structures with these proposals.

    Raises:
        ValueError: `elements` is none of assigned, quota and free; no such space group.
        KeyError: a group has no such letter.
    """
    if elements not in (ASSIGNED, QUOTA, FREE):
        raise ValueError(f"elements is {elements!r}; allowed are {ASSIGNED}, {QUOTA}, {FREE}")
    orbits = orbits_of(proposals, device)
    numbers = torch.full((len(orbits.orbit_idx),), MASK, device=device)
    if elements == ASSIGNED:
        known = [ELEMENTS.index(orbit.element) + 1 for p in proposals for orbit in p.orbits]
        numbers = torch.tensor(known, device=device)[orbits.orbit_idx]
    quotas = [p.counts if elements == QUOTA else None for p in proposals]
    cells = lattices([p.space_group for p in proposals], device)
    free = orbits.slopes.new_zeros(len(proposals)).index_add(0, orbits.structure_idx, orbits.freedom)
    of_cells = (cells.metrics.abs().sum(dim=2) > 0).sum(dim=1).to(free)
    return Subspace(orbits, cells, numbers, quotas, torch.stack([free, of_cells]))
