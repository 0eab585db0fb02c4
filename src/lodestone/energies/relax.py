"""Batched FIRE relaxation of positions and cell by any estimator.

FIRE (Bitzek et al., Phys. Rev. Lett. 97, 170201, 2006) on the joint coordinates of Tadmor et al.
(Phys. Rev. B 59, 235, 1999): positions in the undeformed frame and the deformation gradient times
n_atoms, so that both have units of Å and the generalised forces units of eV/Å. All structures of
a call advance together, because one batched evaluation is far cheaper than many small ones; each
has its own time step and velocity, so that the result of a structure does not depend on its
neighbours in the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.energies.guards import evaluate_each

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Estimator, Evaluation

TIME_STEP, LONGEST_TIME_STEP = 0.1, 1.0
MIXING, MIXING_DECAY = 0.1, 0.99
GROWTH, SHRINK, PATIENCE = 1.1, 0.5, 5
LONGEST_STEP = 0.2  # Å, over the whole vector of one structure, per atom


@dataclass(frozen=True)
class Relaxed:
    """A relaxed structure, its last evaluation, the largest force on atom or cell (eV/Å), steps.

    `start` is the evaluation of the structure as it was given; None where there was none.
    """

    atoms: Atoms
    evaluation: Evaluation
    largest_force: float
    steps: int
    converged: bool
    failure: str | None = None
    start: Evaluation | None = None


@dataclass
class _Walker:
    """The FIRE state of one structure: coordinates (n_atoms + 3, 3), velocity and clocks."""

    start_cell: np.ndarray
    x: np.ndarray
    v: np.ndarray
    dt: float = TIME_STEP
    mixing: float = MIXING
    uphill_free: int = 0
    steps: int = 0
    failure: str | None = None
    start: Evaluation | None = None
    result: tuple[Atoms, Evaluation, float] | None = field(default=None)

    def goes_on(self, largest_force: float) -> bool:
        """Whether the structure is neither at rest nor given up."""
        return self.failure is None and self.result is not None and self.result[2] >= largest_force

    def remembered(self) -> dict[str, Any]:
        """All of it, JSON-able but for arrays."""
        plain = {name: getattr(self, name) for name in PLAIN}
        result = None
        if self.result is not None:
            atoms, evaluation, norm = self.result
            result = [atoms.cell.array, atoms.positions, asdict(evaluation), norm]
        return {**plain, "start": self.start and asdict(self.start), "result": result}

    def recall(self, memory: dict[str, Any], numbers: np.ndarray) -> None:
        """Be again as `remembered` told."""
        from ase import Atoms

        from lodestone.energies.evaluation import Evaluation

        for name in PLAIN:
            setattr(self, name, memory[name])
        self.start = memory["start"] and Evaluation(**memory["start"])
        self.result = None
        if memory["result"] is not None:
            cell, positions, evaluation, norm = memory["result"]
            atoms = Atoms(numbers=numbers, cell=cell, positions=positions, pbc=True)
            self.result = atoms, Evaluation(**evaluation), norm


PLAIN = ("start_cell", "x", "v", "dt", "mixing", "uphill_free", "steps", "failure")
"""What of a walker is kept as it is."""


def relax(
    structures: Sequence[Atoms],
    estimator: Estimator,
    *,
    largest_force: float = 0.1,
    steps: int = 50,
    acceptable: Callable[[Atoms], str | None] | None = None,
) -> list[Relaxed]:
    """Relax until every force on an atom and on the cell is below `largest_force` (eV/Å).

    At most `steps` moves are made. `acceptable` names the reason why a structure must not be
    evaluated (None when it may be); such a structure stops there, keeping its last good state. So does one
    that the estimator raises an error for.
    """
    relaxation = Relaxation(
        structures, estimator, largest_force=largest_force, steps=steps, acceptable=acceptable
    )
    while relaxation.step():
        pass
    return relaxation.relaxed()


class Relaxation:
    """What `relax` does, step by step, so that it may be kept between two steps."""

    def __init__(
        self,
        structures: Sequence[Atoms],
        estimator: Estimator,
        *,
        largest_force: float = 0.1,
        steps: int = 50,
        acceptable: Callable[[Atoms], str | None] | None = None,
    ) -> None:
        """The arguments are those of `relax`."""
        self._structures, self._estimator, self._acceptable = structures, estimator, acceptable
        self._largest_force, self._steps = largest_force, steps
        self._walkers = [_walker(a) for a in structures]
        self._active = list(range(len(self._walkers)))
        self._left = steps + 1

    def step(self) -> bool:
        """Evaluate and move every structure that is not at rest; whether any is left to be moved."""
        if self._left == 0 or not self._active:
            return False
        walkers = self._walkers
        atoms = {i: _atoms(walkers[i], self._structures[i].numbers) for i in self._active}
        for i in self._active:
            walkers[i].failure = self._acceptable(atoms[i]) if self._acceptable else None
        active = [i for i in self._active if walkers[i].failure is None]
        found = evaluate_each([atoms[i] for i in active], self._estimator)
        for i, evaluation in zip(active, found, strict=True):
            _advance(walkers[i], atoms[i], evaluation, self._largest_force, self._steps)
        self._active = [i for i in active if walkers[i].goes_on(self._largest_force)]
        self._left -= 1
        return self._left > 0 and bool(self._active)

    def relaxed(self) -> list[Relaxed]:
        """The structures as they are now, in their order."""
        return [
            _relaxed(walker, start, self._largest_force)
            for walker, start in zip(self._walkers, self._structures, strict=True)
        ]

    def remembered(self) -> dict[str, Any]:
        """Coordinates, velocities and clocks, and the last evaluations; JSON-able, but for arrays."""
        return {
            "left": self._left,
            "active": self._active,
            "walkers": [walker.remembered() for walker in self._walkers],
        }

    def recall(self, memory: dict[str, Any]) -> None:
        """Go on from there, with the same structures."""
        self._left, self._active = memory["left"], memory["active"]
        for walker, atoms, found in zip(self._walkers, self._structures, memory["walkers"], strict=True):
            walker.recall(found, atoms.numbers)


def _advance(walker: _Walker, atoms: Atoms, evaluation: Evaluation, largest_force: float, steps: int) -> None:
    """Take note of an evaluation and, unless the structure is at rest or its steps are used, move."""
    force = _generalised_force(walker, atoms, evaluation)
    if not np.isfinite(force).all():
        walker.failure = evaluation.failure or "non-finite forces"
        return
    norm = max(evaluation.max_force, float(np.linalg.norm(force[-3:], axis=1).max()))
    walker.start = walker.start or evaluation
    walker.result = (atoms, evaluation, norm)
    if norm >= largest_force and walker.steps < steps:
        _fire_step(walker, force)


def _walker(atoms: Atoms) -> _Walker:
    cell = np.array(atoms.cell, dtype=float)
    x = np.concatenate([atoms.get_positions(), np.eye(3) * len(atoms)])
    return _Walker(start_cell=cell, x=x, v=np.zeros_like(x))


def _atoms(walker: _Walker, numbers: np.ndarray) -> Atoms:
    from ase import Atoms

    n_atoms = len(numbers)
    deformation = walker.x[n_atoms:] / n_atoms
    return Atoms(
        numbers=numbers,
        cell=walker.start_cell @ deformation.T,
        positions=walker.x[:n_atoms] @ deformation.T,
        pbc=True,
    )


def _generalised_force(walker: _Walker, atoms: Atoms, evaluation: Evaluation) -> np.ndarray:
    """Forces on the undeformed positions and on the deformation, (n_atoms + 3, 3) in eV/Å."""
    n_atoms = len(atoms)
    deformation = walker.x[n_atoms:] / n_atoms
    virial = -atoms.get_volume() * evaluation.stress
    on_cell = np.linalg.solve(deformation, virial.T).T / n_atoms
    return np.concatenate([evaluation.forces @ deformation, on_cell])


def _fire_step(walker: _Walker, force: np.ndarray) -> None:
    power = float((force * walker.v).sum())
    if power > 0:
        speed, norm = np.linalg.norm(walker.v), np.linalg.norm(force)
        walker.v = (1 - walker.mixing) * walker.v + walker.mixing * speed * force / norm
        walker.uphill_free += 1
        if walker.uphill_free > PATIENCE:
            walker.dt = min(walker.dt * GROWTH, LONGEST_TIME_STEP)
            walker.mixing *= MIXING_DECAY
    elif walker.steps:
        walker.v = np.zeros_like(walker.v)
        walker.dt *= SHRINK
        walker.mixing, walker.uphill_free = MIXING, 0
    walker.v = walker.v + walker.dt * force
    move = walker.dt * walker.v
    longest = float(np.linalg.norm(move, axis=1).max())
    walker.x = walker.x + move * min(1.0, LONGEST_STEP / longest) if longest else walker.x
    walker.steps += 1


def _relaxed(walker: _Walker, start: Atoms, largest_force: float) -> Relaxed:
    from lodestone.energies.evaluation import Evaluation

    if walker.result is None:
        nothing = Evaluation.failed(len(start), walker.failure or "not evaluated")
        return Relaxed(start, nothing, np.nan, 0, converged=False, failure=walker.failure)
    atoms, evaluation, norm = walker.result
    done = norm < largest_force and walker.failure is None
    return Relaxed(atoms, evaluation, norm, walker.steps, done, failure=walker.failure, start=walker.start)
