"""The state of a batch of crystals while it is denoised, and the score at that state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor

if TYPE_CHECKING:
    from lodestone.constraints.clean import CleanEstimate

MASK = 101
"""Atomic number that stands for 'not yet decided' (the absorbing state of the D3PM)."""


class Holding(Protocol):
    """What holds a part of a state: known values (`fixed.Fixed`), or a subspace (`symmetric`)."""

    @property
    def on_frac(self) -> Tensor:
        """Coordinates that do not move, broadcastable to (n_atoms, 3)."""

    @property
    def on_cell(self) -> Tensor:
        """Elements of the lattice that do not move, broadcastable to (n_structures, 3, 3)."""

    def apply(self, state: State) -> State:
        """The state with everything held put back."""

    def hold(self, clean: CleanEstimate) -> CleanEstimate:
        """A clean estimate with everything held put back."""


@runtime_checkable
class Confining(Protocol):
    """A holding with a forward process of its own."""

    def renoise(self, state: State, early: Kernel, late: Kernel) -> State:
        """x_t from x_s, s < t, as `process.renoise` gives it."""


@dataclass(frozen=True)
class State:
    """x_t of a batch.

    frac (n_atoms, 3) fractional coordinates; cell (n_structures, 3, 3) in Å, rows are lattice
    vectors; numbers (n_atoms,) atomic numbers or MASK; n_atoms (n_structures,); structure_idx
    (n_atoms,) the structure of each atom; fixed: what is held at known values, if anything.
    """

    frac: Tensor
    cell: Tensor
    numbers: Tensor
    n_atoms: Tensor
    structure_idx: Tensor
    fixed: Holding | None = None

    @property
    def n_structures(self) -> int:
        """Number of structures in the batch."""
        return len(self.n_atoms)

    def held(self) -> State:
        """The same batch with every held value put back."""
        return self if self.fixed is None else self.fixed.apply(self)

    def part(self, chosen: Sequence[int]) -> State:
        """The batch of these structures alone, with nothing held."""
        index = torch.as_tensor(chosen, device=self.n_atoms.device)
        sizes = self.n_atoms[index]
        ends = list(accumulate(known := self.n_atoms.tolist()))  # asked once, not structure by structure
        atoms = torch.cat([torch.arange(ends[i] - known[i], ends[i]) for i in chosen]).to(index.device)
        return State(
            frac=self.frac[atoms],
            cell=self.cell[index],
            numbers=self.numbers[atoms],
            n_atoms=sizes,
            structure_idx=torch.repeat_interleave(torch.arange(len(index), device=index.device), sizes),
        )

    def sum_squares(self, per_atom: Tensor) -> Tensor:
        """Squared norm over each structure's atoms of a per-atom vector (n_atoms, k), (n_structures,)."""
        zeros = per_atom.new_zeros(self.n_structures)
        return zeros.index_add(0, self.structure_idx, (per_atom**2).sum(dim=1))

    def on_host(self) -> State:
        """The same batch in the host's memory, for who looks at one structure after the other.

        What holds it stays where it is.
        """
        here = self.with_fields(self.frac.cpu(), self.cell.cpu(), self.numbers.cpu())
        return replace(here, n_atoms=self.n_atoms.cpu(), structure_idx=self.structure_idx.cpu())

    def with_fields(self, frac: Tensor, cell: Tensor, numbers: Tensor) -> State:
        """The same batch with other coordinates, cells and types."""
        return replace(self, frac=frac, cell=cell, numbers=numbers)


@dataclass(frozen=True)
class Score:
    """∇ log p_t: frac (n_atoms, 3), cell (n_structures, 3, 3), and type logits (n_atoms, 101)."""

    frac: Tensor
    cell: Tensor
    logits: Tensor


@dataclass(frozen=True)
class Kernel:
    """The forward process at one time, p(x_t | x_0).

    sigma (n_atoms, 1): standard deviation of the fractional coordinates. alpha (scalar tensor),
    limit (n_structures, 3, 3) and variance (n_structures, 3, 3): the lattice is
    N(α L₀ + (1 - α) m, (1 - α²) v). kept (float): probability that a type is not yet masked.
    """

    sigma: Tensor
    alpha: Tensor
    limit: Tensor
    variance: Tensor
    kept: float
