"""What an estimator is and returns, and energies of a table, with the reason where there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.energies.guards import Guards, evaluate_guarded
from lodestone.structures import table

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


NOT_SCREENED_IN = "not screened in"
SCHEMA = {"id": pl.String(), Col.ENERGY_PER_ATOM: pl.Float64(), Col.ENERGY_FAILURE: pl.String()}


def energies(structures: pl.DataFrame, estimator: Estimator, guards: Guards) -> pl.DataFrame:
    """Energy per atom (eV) of every structure as it is, unrelaxed: `SCHEMA`, in row order."""
    rows = [_atoms(row) for row in structures.select(list(table.SCHEMA)).iter_rows(named=True)]
    readable = [row for row in rows if not isinstance(row, str)]
    evaluated = iter(evaluate_guarded(readable, estimator, guards, forces=False))
    found = [row if isinstance(row, str) else _per_atom(next(evaluated), row) for row in rows]
    return pl.DataFrame(
        {
            "id": structures["id"],
            Col.ENERGY_PER_ATOM: [None if isinstance(e, str) else e for e in found],
            Col.ENERGY_FAILURE: [e if isinstance(e, str) else None for e in found],
        },
        schema=SCHEMA,
    )


def _atoms(row: dict[str, Any]) -> Atoms | str:
    """A row as ASE atoms, also where its cell cannot be inverted; or why it is no structure."""
    from ase import Atoms

    try:
        numbers, cell, frac = table.arrays(row)
        with np.errstate(invalid="ignore"):  # the guards refuse what is not finite
            positions = frac @ cell
        return Atoms(numbers=numbers, cell=cell, positions=positions, pbc=True)
    except (ValueError, TypeError) as error:
        return f"no structure: {' '.join(str(error).split())}"


def _per_atom(found: Evaluation | str, atoms: Atoms) -> float | str:
    return found if isinstance(found, str) else found.energy / len(atoms)


def with_unevaluated(evaluated: pl.DataFrame, all_ids: Sequence[str]) -> pl.DataFrame:
    """One row per id, in the order of `all_ids`; those without an evaluation were not screened in."""
    whole = pl.DataFrame({"id": list(all_ids)}, schema={"id": pl.String()})
    joined = whole.join(evaluated, on="id", how="left", maintain_order="left")
    skipped = ~pl.col("id").is_in(evaluated["id"].to_list())
    reason = pl.when(skipped).then(pl.lit(NOT_SCREENED_IN)).otherwise(pl.col(Col.ENERGY_FAILURE))
    return joined.with_columns(reason.alias(Col.ENERGY_FAILURE))
