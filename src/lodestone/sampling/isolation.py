"""Isolation: a structure that breaks is frozen, named and counted, and its batch goes on.

Every structure is looked at before each transition; a broken one keeps its last state, gets a
reason, and is replaced inside the batch by a harmless crystal of the same size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lodestone.sampling.state import State

LATE, LATE_VOLUME = 0.05, (2.0, 200.0)  # Å³/atom at t < 0.05
LARGEST_VOLUME = 5000.0  # before; a noisy cell may pass through zero volume and recover
GOLDEN = (0.6180339887, 0.7548776662, 0.5698402910)  # spreads placeholder atoms without overlap


@dataclass
class Watch:
    """Which structures of a batch have failed, when, why, and their last states.

    `lonely` tells the structures of a state that have an atom without neighbours, if anything can;
    early on such an atom may still find some, at t < 0.05 it no longer does.
    """

    n_structures: int
    lonely: Callable[[State], list[int]] | None = None
    reasons: dict[int, str] = field(default_factory=dict)
    times: dict[int, float] = field(default_factory=dict)
    kept: dict[int, tuple[Tensor, Tensor, Tensor]] = field(default_factory=dict)

    def __call__(self, state: State, t: float) -> State:
        """Note what has just broken and return the batch with placeholders for all failed ones."""
        for index, reason in faults(state, t).items():
            self.fail(state, index, reason, t)
        if self.lonely is not None and t < LATE:
            for index in self.lonely(self.sound(state)):
                self.fail(state, index, f"an atom without neighbours at t={t:.3f}", t)
        return self.sound(state)

    def fail(self, state: State, index: int, reason: str, t: float) -> None:
        """Freeze a structure as it is; the first reason stays."""
        if index in self.reasons:
            return
        atoms = state.structure_idx == index
        self.reasons[index], self.times[index] = reason, t
        frozen = (state.frac[atoms], state.cell[index], state.numbers[atoms])
        self.kept[index] = (frozen[0].detach(), frozen[1].detach(), frozen[2])

    def sound(self, state: State) -> State:
        """The batch with placeholders for all failed structures."""
        return replaced(state, sorted(self.reasons)) if self.reasons else state


def faults(state: State, t: float) -> dict[int, str]:
    """Index and reason of every structure that must not go on, at time t."""
    found: dict[int, str] = {}
    volume = torch.linalg.det(state.cell).abs() / state.n_atoms
    broken_atoms = (~torch.isfinite(state.frac)).any(dim=1)
    broken = set(state.structure_idx[broken_atoms].tolist())
    broken |= set(torch.nonzero(~torch.isfinite(state.cell).flatten(1).all(dim=1))[:, 0].tolist())
    low, high = LATE_VOLUME if t < LATE else (-1.0, LARGEST_VOLUME)
    outside = torch.nonzero(~((volume > low) & (volume < high)))[:, 0].tolist()
    for index in sorted(broken | set(outside)):
        if index in broken:
            found[index] = f"non-finite values at t={t:.3f}"
        else:
            found[index] = f"volume per atom {float(volume[index]):.3g} Å³ at t={t:.3f}"
    return found


def replaced(state: State, failed: list[int]) -> State:
    """The batch with a cube of 12 Å³ per atom in place of every failed structure."""
    frac, cell, numbers = state.frac.clone(), state.cell.clone(), state.numbers
    for index in failed:
        atoms = torch.nonzero(state.structure_idx == index)[:, 0]
        n_atoms = len(atoms)
        edge = (12.0 * n_atoms) ** (1 / 3)
        steps = torch.arange(1, n_atoms + 1, device=frac.device, dtype=frac.dtype)[:, None]
        frac[atoms] = torch.remainder(steps * frac.new_tensor(GOLDEN), 1.0)
        cell[index] = edge * torch.eye(3, device=cell.device, dtype=cell.dtype)
    return state.with_fields(frac, cell, numbers)
