"""The potential energy of a batch as a differentiable function, its gradient from forces and stress.

An estimator is a black box to autograd; what it gives is enough for a first derivative. With rows as
lattice vectors L, fractional coordinates f and fixed f,

    ∂E/∂f = -F Lᵀ,        ∂E/∂L_ia = V Σ_b (L⁻ᵀ)_ib σ_ba,

F the forces (n_atoms, 3), V = |det L| and σ the stress (1/V) ∂E/∂ε: dL = L ε gives dE = V σ:ε.
The second derivative is not there; asking for it raises an error instead of returning zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lodestone.runtime.stopwatch import POTENTIAL

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Evaluation

Evaluate = Callable[[Sequence["Atoms"]], "list[Evaluation | str]"]
"""An estimator behind its guards: an evaluation, or the reason why there is none."""


def potential_energy(
    frac: Tensor, cell: Tensor, numbers: Tensor, structure_idx: Tensor, evaluate: Evaluate
) -> tuple[Tensor, list[str | None]]:
    """Energies (n_structures,) in eV, and per structure the reason why it has none (or None).

    frac (n_atoms, 3); cell (n_structures, 3, 3) in Å, rows are lattice vectors; numbers and
    structure_idx (n_atoms,). One call of `evaluate` for the whole batch. A structure without an
    evaluation has energy 0 and gradient 0; one without a stress has gradient 0 in its cell. What the
    estimator gives is rounded to the dtype of `cell`.
    """
    structures = as_atoms(frac, cell, numbers, structure_idx)
    with torch.enable_grad(), POTENTIAL.running():  # some estimators differentiate for their forces
        found = evaluate(structures)
    POTENTIAL.count(len(structures))
    energy = np.zeros(len(structures))
    on_frac, on_cell = np.zeros((len(numbers), 3)), np.zeros((len(structures), 3, 3))
    owner = structure_idx.detach().cpu().numpy()
    for k, (atoms, evaluation) in enumerate(zip(structures, found, strict=True)):
        if isinstance(evaluation, str):
            continue
        energy[k] = evaluation.energy
        on_frac[owner == k], on_cell[k] = gradient(atoms.cell.array, evaluation.forces, evaluation.stress)
    energies: Tensor = _Known.apply(
        frac, cell, structure_idx, *(torch.as_tensor(x).to(cell) for x in (energy, on_frac, on_cell))
    )
    return energies, [e if isinstance(e, str) else None for e in found]


def gradient(cell: np.ndarray, forces: np.ndarray, stress: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """∂E/∂frac (n_atoms, 3) in eV and ∂E/∂cell (3, 3) in eV/Å; 0 for a stress that is not finite."""
    on_frac = -forces @ cell.T
    if not np.isfinite(stress).all():
        return on_frac, np.zeros((3, 3))
    volume = abs(float(np.linalg.det(cell)))
    return on_frac, volume * np.linalg.solve(cell.T, stress)


def as_atoms(frac: Tensor, cell: Tensor, numbers: Tensor, structure_idx: Tensor) -> list[Atoms]:
    """The structures of a batch: frac (n_atoms, 3), cell (n_structures, 3, 3) in Å, atomic numbers.

    Flat cells too, which ASE refuses for scaled positions.
    """
    from ase import Atoms

    f, c, z, owner = (x.detach().cpu().numpy() for x in (frac, cell, numbers, structure_idx))
    f, c = f.astype(float), c.astype(float)
    with np.errstate(invalid="ignore"):
        return [
            Atoms(numbers=z[owner == k], cell=c[k], positions=np.dot(f[owner == k] % 1.0, c[k]), pbc=True)
            for k in range(len(c))
        ]


class _Known(torch.autograd.Function):
    """Energies whose gradients were computed with them."""

    @staticmethod
    def forward(
        ctx: Any,
        frac: Tensor,
        cell: Tensor,
        structure_idx: Tensor,
        energy: Tensor,
        on_frac: Tensor,
        on_cell: Tensor,
    ) -> Tensor:
        del cell
        ctx.save_for_backward(structure_idx, on_frac.to(frac.dtype), on_cell)
        return energy.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        structure_idx, on_frac, on_cell = ctx.saved_tensors
        return (
            upstream[structure_idx, None].to(on_frac.dtype) * on_frac,
            upstream[:, None, None] * on_cell,
            *[None] * 4,
        )
