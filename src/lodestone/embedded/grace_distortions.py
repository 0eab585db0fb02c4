"""Distorted copies of relaxed structures: what a potential must know to have no holes.

Every structure has its own random numbers, from its identifier, so a copy never depends on what
else is in the set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lodestone.energies.guards import Guards
from lodestone.structures import table

if TYPE_CHECKING:
    import polars as pl
    from ase import Atoms

SEED = 20260414
LIMITS = Guards(volume_per_atom=(4.0, 60.0), min_distance=0.95, isolated_beyond=4.5)
TRIES = 12


def distorted_copies(relaxed: pl.DataFrame) -> list[tuple[str, str, Atoms]]:
    """Identifier, kind and structure of the distorted copies of all structures, and random ones."""
    copies = []
    for name, atoms in zip(relaxed["id"], table.to_ase(relaxed), strict=True):
        rng = np.random.default_rng(_seed(name))
        for kind, distort in KINDS.items():
            copy = _acceptable(distort, atoms, rng)
            if copy is not None:
                copies.append((f"{name}/{kind}", kind, copy))
    return copies


def _strained(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    return _rattle(_strain(atoms, rng, 0.03), rng, 0.06)


def _compressed(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    return _rattle(_strain(atoms, rng, 0.02, rng.uniform(0.84, 0.97)), rng, 0.08)


def _stretched(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    return _rattle(_strain(atoms, rng, 0.03, rng.uniform(1.03, 1.28)), rng, 0.15)


def _rattled(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    return _rattle(_strain(atoms, rng, 0.05), rng, rng.uniform(0.12, 0.5))


def _swapped(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    copy = _rattle(_strain(atoms, rng, 0.04), rng, rng.uniform(0.05, 0.3))
    copy.numbers = rng.permutation(copy.numbers)
    return copy


def _random(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    copy = _strain(atoms, rng, 0.12, rng.uniform(0.95, 1.25))
    copy.set_scaled_positions(rng.random((len(atoms), 3)))
    return copy


KINDS: dict[str, Callable[[Atoms, np.random.Generator], Atoms]] = {
    "strained": _strained,
    "compressed": _compressed,
    "stretched": _stretched,
    "rattled": _rattled,
    "swapped": _swapped,
    "random": _random,
}


def _strain(atoms: Atoms, rng: np.random.Generator, width: float, scale: float = 1.0) -> Atoms:
    strain = rng.normal(scale=width, size=(3, 3))
    copy = atoms.copy()
    deformation = scale * (np.eye(3) + (strain + strain.T) / 2)
    copy.set_cell(copy.cell.array @ deformation, scale_atoms=True)
    return copy


def _rattle(atoms: Atoms, rng: np.random.Generator, width: float) -> Atoms:
    copy = atoms.copy()
    copy.positions += rng.normal(scale=width, size=(len(atoms), 3))
    return copy


def _acceptable(
    distort: Callable[[Atoms, np.random.Generator], Atoms], atoms: Atoms, rng: np.random.Generator
) -> Atoms | None:
    for _ in range(TRIES):
        copy = distort(atoms, rng)
        if LIMITS(copy) is None:
            return copy
    return None


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{SEED}/{name}/copies".encode()).digest()[:8], "big")
