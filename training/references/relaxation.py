"""The embedded reference set: decorated prototypes relaxed with CHGNet, chunk by chunk.

A chunk is the unit of resume: a killed run continues after the last chunk on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lodestone.energies.relax import Relaxed, relax
from lodestone.structures import table
from training.references.prototypes import SYSTEMS, decorations, load_prototypes

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Estimator

CHUNK = 16
SEED = 20260414


def starting_structures(system: str) -> list[tuple[str, Atoms]]:
    """Identifiers and unrelaxed structures of a system of the embedded set."""
    from pymatgen.io.ase import AseAtomsAdaptor

    prototypes = load_prototypes()
    found = []
    for quota in SYSTEMS[system]:
        name = "-".join(quota.elements)
        found += [
            (f"{system}/{name}/{i:03d}", AseAtomsAdaptor.get_atoms(s))
            for i, s in enumerate(decorations(prototypes, quota, SEED))
        ]
    return found


def relax_in_chunks(
    system: str, estimator: Estimator, state: Path, *, steps: int, largest_force: float
) -> Iterator[tuple[int, int]]:
    """Relax a system's starting structures; yields (chunks done, chunks in all).

    Every chunk is written to `state/<system>-<k>.parquet` as soon as it is finished.
    """
    start = starting_structures(system)
    chunks = [start[i : i + CHUNK] for i in range(0, len(start), CHUNK)]
    for k, chunk in enumerate(chunks):
        path = state / f"{system}-{k:03d}.parquet"
        if not path.exists():
            found = relax(
                [a for _, a in chunk], estimator, steps=steps, largest_force=largest_force,
                acceptable=too_far,
            )  # fmt: skip
            table.write_table(_rows([name for name, _ in chunk], found), path)
        yield k + 1, len(chunks)


def too_far(atoms: Atoms) -> str | None:
    """Why a structure has left the range where a relaxation makes sense, or None."""
    per_atom = atoms.get_volume() / len(atoms)
    if not np.isfinite(per_atom) or not 3 < per_atom < 80:
        return f"volume per atom of {per_atom:.1f} Å³"
    return None


def _rows(ids: list[str], found: list[Relaxed]) -> pl.DataFrame:
    return table.from_ase(ids, [r.atoms for r in found]).with_columns(
        pl.Series("energy", [r.evaluation.energy for r in found], dtype=pl.Float64),
        pl.Series("forces", [r.evaluation.forces.ravel().tolist() for r in found]),
        pl.Series("stress", [r.evaluation.stress.ravel().tolist() for r in found]),
        pl.Series("largest_force", [r.largest_force for r in found], dtype=pl.Float64),
        pl.Series("steps", [r.steps for r in found], dtype=pl.Int32),
        pl.Series("failure", [r.failure for r in found], dtype=pl.String),
    )
