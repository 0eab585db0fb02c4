"""What an estimator returns, and what every estimator must do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class Evaluation:
    """Energy (eV, total), forces ((n_atoms, 3), eV/Å) and stress ((3, 3), eV/Å³) of a structure.

    The stress is (1/V) ∂E/∂ε, positive when the cell wants to shrink, as in ASE. What an estimator
    could not compute is NaN, and `failure` says why.
    """

    energy: float
    forces: np.ndarray
    stress: np.ndarray
    failure: str | None = None

    @classmethod
    def failed(cls, n_atoms: int, failure: str) -> Evaluation:
        """An evaluation that did not come about."""
        return cls(math.nan, np.full((n_atoms, 3), math.nan), np.full((3, 3), math.nan), failure)

    @classmethod
    def energy_alone(cls, n_atoms: int, energy: float) -> Evaluation:
        """An energy (eV, total) without forces and stress, which are NaN."""
        return cls(energy, np.full((n_atoms, 3), math.nan), np.full((3, 3), math.nan))

    @property
    def max_force(self) -> float:
        """Length of the longest force on an atom, eV/Å."""
        return float(np.linalg.norm(self.forces, axis=1).max())


class Estimator(Protocol):
    """An interatomic potential that evaluates structures in batches.

    It may also have: `elements`, the symbols that it covers, and `cutoff`, how far it sees (Å), which
    `guards` asks for; `energy_only(structures)`, evaluations without forces and stress where those cost
    extra; and `described`, a mapping of what `identity` records: model, sha256, package, device, precision.
    """

    name: str

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Evaluate structures; the order is kept. Structures must have passed `guards`."""
        ...


def described(estimator: Estimator) -> dict[str, Any]:
    """What an estimator says of itself; empty where it says nothing."""
    return dict(getattr(estimator, "described", {}))
