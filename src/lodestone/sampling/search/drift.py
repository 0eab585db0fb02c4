"""The physical part of the drift: clean estimates are moved by forces and stress, and scores follow.

With forces F (n_atoms, 3) and stress σ of the estimator at the clean estimate x̂₀ = (f, L), rows of L the
lattice vectors, one step of steepest descent on the joint coordinates of positions and n_atoms times the
deformation (energies/relax.py) is

    Δ_cart = m F,        ε = -m V σ / n²,        Δ_L = L ε, turned so that it is symmetric,

m the mobility in Å²/eV, the longest row of Δ_cart and n ε capped at `longest_step`. A symmetric L with
eigenvalues l_i stays symmetric under L ε and the rotation that undoes the rest: in its eigenbasis
Δ_L,ij = 2 l_i l_j / (l_i + l_j) ε_ij. The energy does not notice rotations, so dE = -m (|F|² + |V σ|²/n²)
to first order. The displaced estimate x̂₀ + λ_t Δ becomes a score as in backward guidance,

    s_F += λ_t Δ_F / σ_t²,        s_L += λ_t α_t Δ_L / ((1 - α_t²) v).

A level moves x_t by the share 1 - σ_s²/σ_t² of it, s the next level, the smaller the more levels there are.
So Δ, once evaluated, acts until it is evaluated again: a call has the same effect at any number of levels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lodestone.energies.differentiable import as_atoms
from lodestone.energies.guards import evaluate_each
from lodestone.sampling.guidance import TINY, sane
from lodestone.sampling.process import clean_estimate
from lodestone.sampling.resume import Remembers
from lodestone.sampling.state import Score, State

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.constraints.clean import CleanEstimate
    from lodestone.energies.evaluation import Estimator, Evaluation
    from lodestone.energies.guards import Guards
    from lodestone.sampling.loop import Diffusion
    from lodestone.sampling.search.options import DriftOptions


@dataclass(frozen=True)
class Step:
    """A displacement: of fractional coordinates (n_atoms, 3), and of the cell (3, 3) in Å, symmetric."""

    frac: np.ndarray
    cell: np.ndarray


def physical_step(
    cell: np.ndarray, evaluation: Evaluation, *, mobility: float, longest: float
) -> Step | None:
    """Steepest descent by the formulas above; None for a cell that is not positive definite."""
    n_atoms = len(evaluation.forces)
    lengths, basis = np.linalg.eigh(0.5 * (cell + cell.T))
    if lengths[0] <= 0:
        return None
    cart = mobility * evaluation.forces
    strain = -mobility * abs(float(np.linalg.det(cell))) / n_atoms * evaluation.stress
    rows = np.linalg.norm(np.concatenate([cart, strain]), axis=1)
    factor = min(1.0, longest / max(float(rows.max()), TINY))
    harmonic = 2 * lengths[:, None] * lengths / (lengths[:, None] + lengths)
    on_cell = basis @ (harmonic * (basis.T @ strain @ basis)) @ basis.T / n_atoms
    return Step(factor * cart @ np.linalg.inv(cell), factor * on_cell)


@dataclass
class Drift:
    """A diffusion's score with physical forces in it; `calls` are the estimator's, per structure."""

    diffusion: Diffusion
    options: DriftOptions
    estimator: Estimator
    guards: Guards
    failed: Callable[[int], bool]
    """Whether a structure of the batch has failed: the estimator is not asked about its placeholder."""
    calls: dict[int, int] = field(default_factory=dict)
    _moves: tuple[Tensor, Tensor] | None = None

    def remembered(self) -> dict[str, Any]:
        """The step that acts until the next evaluation, and the calls."""
        calls = [list(pair) for pair in self.calls.items()]
        asked = self.estimator.remembered() if isinstance(self.estimator, Remembers) else None
        return {"calls": calls, "moves": self._moves, "estimator": asked}

    def recall(self, memory: dict[str, Any]) -> None:
        """Go on with that step."""
        self.calls = dict(memory["calls"])
        self._moves = memory["moves"] and (memory["moves"][0], memory["moves"][1])
        if isinstance(self.estimator, Remembers):
            self.estimator.recall(memory["estimator"])

    def __call__(self, state: State, t: Tensor) -> Score:
        """The score function of the predictor at x_t."""
        with torch.no_grad():
            score = self.diffusion.score(state, t)
            weight = self.options.weight(float(t))
            if weight == 0:
                return score
            kernel, times = self.diffusion.kernel(state, t), self.diffusion.times
            inside = times < self.options.start
            level = int(((times > t) & inside).sum())
            if self._moves is None or self.options.due(level, int(inside.sum())):
                self._moves = self._evaluated(clean_estimate(state, score, kernel), state)
            on_frac, on_cell = self._moves
            spread = ((1 - kernel.alpha**2) * kernel.variance).clamp_min(TINY)
            return Score(
                frac=score.frac + weight * on_frac / kernel.sigma.clamp_min(TINY) ** 2,
                cell=score.cell + weight * kernel.alpha * on_cell / spread,
                logits=score.logits,
            )

    def _evaluated(self, clean: CleanEstimate, state: State) -> tuple[Tensor, Tensor]:
        """Displacements of clean estimates; 0 where the guards or the estimator refuse one."""
        asked = [i for i in torch.nonzero(sane(clean))[:, 0].tolist() if not self.failed(i)]
        numbers = clean.types.argmax(dim=1) + 1  # each atom the element that is most probable for it
        structures = as_atoms(clean.frac, clean.cell, numbers, clean.structure_idx)
        on_frac, on_cell = np.zeros(state.frac.shape), np.zeros(state.cell.shape)
        ends = np.cumsum([len(atoms) for atoms in structures])
        with torch.enable_grad():  # some estimators differentiate for their forces
            asked = [i for i in asked if self.guards(structures[i]) is None]
            for i in asked:
                self.calls[i] = self.calls.get(i, 0) + 1
            found = evaluate_each([structures[i] for i in asked], self.estimator)
        for i, evaluation in zip(asked, found, strict=True):
            step = self._step(structures[i], evaluation)
            if step is not None:
                on_frac[ends[i] - len(step.frac) : ends[i]], on_cell[i] = step.frac, step.cell
        return torch.from_numpy(on_frac).to(state.frac), torch.from_numpy(on_cell).to(state.cell)

    def _step(self, atoms: Atoms, evaluation: Evaluation) -> Step | None:
        if not (np.isfinite(evaluation.forces).all() and np.isfinite(evaluation.stress).all()):
            return None
        options = self.options
        return physical_step(
            atoms.cell.array, evaluation, mobility=options.mobility, longest=options.longest_step
        )
