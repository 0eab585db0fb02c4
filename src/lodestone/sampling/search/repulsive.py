"""A repulsive guard around an estimator.

Learned potentials know little of atoms that nearly overlap, and some give them low energies. The hinge

    E_rep = k/2 Σ_pairs max(0, d₀ - d)²,    d₀ = share · (r_i + r_j),

over all pairs and periodic images, with the covalent radii of Cordero et al. (Dalton Trans. 2008, 2832)
as ASE tabulates them, pushes them apart and is zero at every distance of a real crystal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Estimator, Evaluation


class Repulsive:
    """An estimator with the hinge in its energy, forces and stress; stiffness in eV/Å²."""

    def __init__(self, estimator: Estimator, *, share: float = 0.7, stiffness: float = 50.0) -> None:
        self._inner, self._share, self._stiffness = estimator, share, stiffness
        self.name = estimator.name

    def __getattr__(self, name: str) -> Any:
        """What else the estimator says of itself: elements, cutoff, described."""
        if name in {"_inner", "energy_only"}:  # energies alone would lack the hinge
            raise AttributeError(name)
        return getattr(self._inner, name)

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Evaluate structures; the order is kept."""
        found = self._inner.evaluate(structures)
        return [self._added(atoms, one) for atoms, one in zip(structures, found, strict=True)]

    def _added(self, atoms: Atoms, evaluation: Evaluation) -> Evaluation:
        energy, forces, stress = hinge(atoms, share=self._share, stiffness=self._stiffness)
        return replace(
            evaluation,
            energy=evaluation.energy + energy,
            forces=evaluation.forces + forces,
            stress=evaluation.stress + stress,
        )


def hinge(atoms: Atoms, *, share: float, stiffness: float) -> tuple[float, np.ndarray, np.ndarray]:
    """Energy (eV), forces (n_atoms, 3) in eV/Å and stress (3, 3) in eV/Å³ of the repulsion alone."""
    from ase.data import covalent_radii
    from matscipy.neighbours import neighbour_list

    radii = share * covalent_radii[atoms.numbers]
    i, j, d, vector = neighbour_list("ijdD", atoms, radii)
    overlap = radii[i] + radii[j] - d
    forces = np.zeros((len(atoms), 3))
    if not len(d):
        return 0.0, forces, np.zeros((3, 3))
    # every pair is there from both its ends; the vector goes from i to j
    pull = (-stiffness * overlap / np.maximum(d, 1e-9))[:, None] * vector
    np.add.at(forces, i, pull)
    virial = 0.5 * pull.T @ vector
    energy = 0.25 * stiffness * float((overlap**2).sum())
    return energy, forces, virial / atoms.get_volume()
