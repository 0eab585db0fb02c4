"""A diffusion whose network passes survive the structures that break them.

A structure can be finite and of sane volume and still make the network raise, which would take the
whole batch along. Here the batch is halved until the structures are found that raise alone; they
are frozen, named and replaced by a placeholder, and the others go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lodestone.runtime.memory import is_exhausted
from lodestone.sampling.companion import accompanied, alone
from lodestone.sampling.state import Kernel, Score, State

if TYPE_CHECKING:
    from lodestone.sampling.isolation import Watch
    from lodestone.sampling.loop import Diffusion

LONGEST = 120  # characters of an error in a reason


class Isolated:
    """A `Diffusion` that tells a watch which structures its network cannot take."""

    def __init__(self, diffusion: Diffusion, watch: Watch) -> None:
        self._inner, self._watch = diffusion, watch
        self.times = diffusion.times

    def prior(self, n_atoms: list[int]) -> State:
        """Draw x_1 for structures of given sizes."""
        return self._inner.prior(n_atoms)

    def correct(self, state: State, score: Score, t: Tensor) -> State:
        """One corrector step at (x_t, t)."""
        return self._inner.correct(state, score, t)

    def predict(self, state: State, score: Score, t: Tensor) -> tuple[State, State]:
        """The sample and the mean of the step from t to the next level."""
        return self._inner.predict(state, score, t)

    def kernel(self, state: State, t: Tensor, *, steps_later: int = 0) -> Kernel:
        """p(x_t | x_0) at t, or after `steps_later` predictor steps."""
        return self._inner.kernel(state, t, steps_later=steps_later)

    def score(self, state: State, t: Tensor) -> Score:
        """The score at x_t; that of a structure that the network cannot take is the placeholder's."""
        try:
            found = self._inner.score(self._watch.sound(state), t)
        except Exception as error:  # whatever a graph network stumbles over
            if is_exhausted(error):
                raise
            found = self._without_culprits(state, t, error)
        return self._finite(state, found, t)

    def _without_culprits(self, state: State, t: Tensor, error: Exception) -> Score:
        sound = self._watch.sound(state)
        reasons = self._culprits(sound, list(range(state.n_structures)), t)
        for index, reason in reasons.items():
            self._watch.fail(state, index, f"{reason} at t={float(t):.3f}", float(t))
        try:
            return alone(self._inner.score(accompanied(self._watch.sound(state)), t))
        except Exception as again:
            raise (again if is_exhausted(again) else error) from again

    def _culprits(self, state: State, chosen: list[int], t: Tensor) -> dict[int, str]:
        """Index and reason of every structure among `chosen` that makes the network raise."""
        try:
            with torch.no_grad():
                self._inner.score(accompanied(state.part(chosen)), t)
        except Exception as error:
            if is_exhausted(error):
                raise
            if len(chosen) == 1:
                said = (str(error).strip().splitlines() or [""])[0][:LONGEST]
                return {chosen[0]: f"the network raised {type(error).__name__}: {said}"}
            half = len(chosen) // 2
            return self._culprits(state, chosen[:half], t) | self._culprits(state, chosen[half:], t)
        return {}

    def _finite(self, state: State, score: Score, t: Tensor) -> Score:
        """The score with zeros for structures whose score is not finite, which are failed."""
        atoms = torch.isfinite(score.frac).all(dim=1) & torch.isfinite(score.logits).all(dim=1)
        cells = torch.isfinite(score.cell).flatten(1).all(dim=1)
        if bool(atoms.all()) and bool(cells.all()):
            return score
        bad = ~cells
        bad[state.structure_idx[~atoms]] = True
        for index in torch.nonzero(bad)[:, 0].tolist():
            reason = f"the network gave non-finite values at t={float(t):.3f}"
            self._watch.fail(state, index, reason, float(t))
        on_atoms = bad[state.structure_idx, None]
        return Score(
            frac=torch.where(on_atoms, 0.0, score.frac),
            cell=torch.where(bad[:, None, None], 0.0, score.cell),
            logits=torch.where(on_atoms, 0.0, score.logits),
        )
