"""A diffusion whose network passes survive the structures that break them.

A structure can be finite and of sane volume and still make the network raise, which would take the
whole batch along. Here the batch is halved until the structures are found that raise alone; they
are frozen, named and replaced by a placeholder, and the others go on.

The companion, a harmless crystal at the end of a batch, serves twice. A batch in which no atom has a
neighbour makes the network raise; beside the companion it passes. And matrix products treat the last few
rows of a batch with other instructions, so that their last bits depend on how many rows there are; with a
companion those rows are its own.

Isolation: every structure is looked at before each transition; a broken one keeps its last state, gets a
reason, and is replaced inside the batch by a harmless crystal of the same size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lodestone.runtime.memory import is_exhausted
from lodestone.sampling.resume import Remembers
from lodestone.sampling.state import MASK, Kernel, Score, State

if TYPE_CHECKING:
    from lodestone.sampling.loop import Diffusion

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

    def remembered(self) -> dict[str, list[Any]]:
        """All that was noted, in the order of the failures."""
        return {
            "reasons": [list(pair) for pair in self.reasons.items()],
            "times": [list(pair) for pair in self.times.items()],
            "kept": [[index, *frozen] for index, frozen in self.kept.items()],
        }

    def recall(self, memory: dict[str, list[Any]]) -> None:
        """Know what was noted; who was given `reasons` sees it too."""
        for known in (self.reasons, self.times, self.kept):
            known.clear()
        self.reasons.update(memory["reasons"])
        self.times.update(memory["times"])
        self.kept.update({index: (frac, cell, numbers) for index, frac, cell, numbers in memory["kept"]})

    def sound(self, state: State) -> State:
        """The batch with placeholders for all failed structures."""
        return replaced(state, sorted(self.reasons)) if self.reasons else state


def faults(state: State, t: float) -> dict[int, str]:
    """Index and reason of every structure that must not go on, at time t."""
    found: dict[int, str] = {}
    volume = torch.linalg.det(state.cell).abs() / state.n_atoms
    broken_atoms = (~torch.isfinite(state.frac)).any(dim=1)
    broken_cells = ~torch.isfinite(state.cell).flatten(1).all(dim=1)
    low, high = LATE_VOLUME if t < LATE else (-1.0, LARGEST_VOLUME)
    away = ~((volume > low) & (volume < high))
    if not bool(broken_atoms.any() | broken_cells.any() | away.any()):  # nearly always; a GPU is asked once
        return found
    broken = set(state.structure_idx[broken_atoms].tolist())
    broken |= set(torch.nonzero(broken_cells)[:, 0].tolist())
    for index in sorted(broken | set(torch.nonzero(away)[:, 0].tolist())):
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

    def remembered(self) -> Any:
        """What the diffusion inside counts or keeps, if it says so; its watch is remembered by itself."""
        return self._inner.remembered() if isinstance(self._inner, Remembers) else None

    def recall(self, memory: Any) -> None:
        """Give that back to the diffusion inside."""
        if isinstance(self._inner, Remembers):
            self._inner.recall(memory)

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
        if bool(atoms.all() & cells.all()):
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
