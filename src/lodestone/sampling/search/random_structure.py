"""Random crystals of a composition, the start of random structure search.

As AIRSS does it (Pickard and Needs, J. Phys. Condens. Matter 23, 053201, 2011): a random cell of sensible
shape and volume, and positions with a least distance for every pair of elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.sampling.search.options import RandomOptions

ATOM_VOLUME, PACKING = 5.7, 3.9
"""Å³ of an atom, and Å³ per cubed covalent radius (Å³): least squares on the embedded references,
829 crystals of 10 elements, which it meets with a root mean square of 23 %, 95 % of them within 41 %."""
LENGTHS = (0.6, 1.6)  # of the edges, before the cell is scaled to its volume
ANGLES = (50.0, 130.0)  # degrees
FLATTEST = 0.4  # volume of the cell in units of the product of its edges
TRIES = 30  # places of an atom, then cells, before everything gives way a little
GIVE_WAY = 0.97  # factor on the distances, its inverse on the volume


def estimated_volume(numbers: np.ndarray) -> float:
    """Volume (Å³) of a crystal of these atomic numbers (n_atoms,), from covalent radii."""
    from ase.data import covalent_radii

    return float((ATOM_VOLUME + PACKING * covalent_radii[numbers] ** 3).sum())


def random_structure(numbers: np.ndarray, options: RandomOptions, rng: np.random.Generator) -> Atoms:
    """A random crystal of these atoms.

    Where the atoms do not fit in at their distances, distances shrink and the volume grows step by step.
    """
    from ase import Atoms

    volume = estimated_volume(numbers) * rng.uniform(*options.volume)
    separation = options.separation
    attempt = 0
    while True:  # a volume that grows without end has room for every atom
        attempt += 1
        cell = random_cell(volume, rng)
        frac = _places(numbers, cell, separation, rng)
        if frac is not None:
            return Atoms(numbers=numbers, cell=cell, scaled_positions=frac, pbc=True)
        if attempt % TRIES == 0:
            separation, volume = separation * GIVE_WAY, volume / GIVE_WAY


def random_cell(volume: float, rng: np.random.Generator) -> np.ndarray:
    """A cell (3, 3) of this volume (Å³), rows are lattice vectors, neither flat nor needle-like."""
    from ase.geometry import cellpar_to_cell

    while True:
        edges, angles = rng.uniform(*LENGTHS, size=3), rng.uniform(*ANGLES, size=3)
        cosines = np.cos(np.radians(angles))
        gram = 1 + 2 * cosines.prod() - (cosines**2).sum()  # squared volume of unit edges
        if gram > FLATTEST**2:
            cell = cellpar_to_cell([*edges, *angles])
            return np.asarray(cell * (volume / abs(float(np.linalg.det(cell)))) ** (1 / 3))


def random_composition(elements: Sequence[str], n_atoms: int, rng: np.random.Generator) -> np.ndarray:
    """Atomic numbers (n_atoms,) that hold every element, all such compositions alike probable.

    Raises:
        ValueError: more elements than atoms.
    """
    from ase.data import atomic_numbers

    if n_atoms < len(elements):
        raise ValueError(
            f"sampling.atoms: {n_atoms} atoms cannot hold the {len(elements)} elements {'-'.join(elements)}"
        )
    # n - 1 gaps between atoms, k - 1 of which separate elements
    cuts = np.sort(rng.choice(n_atoms - 1, size=len(elements) - 1, replace=False)) + 1
    counts = np.diff([0, *cuts.tolist(), n_atoms])
    return np.repeat([atomic_numbers[e] for e in elements], counts)


def _places(
    numbers: np.ndarray, cell: np.ndarray, separation: float, rng: np.random.Generator
) -> np.ndarray | None:
    """Fractional coordinates (n_atoms, 3) with all distances kept, or None where they were not found."""
    from ase.data import covalent_radii

    radii = separation * covalent_radii[numbers]
    images = _images(cell, 2 * float(radii.max()))
    away = np.linalg.norm(images, axis=1)
    if away[away > 0].min(initial=np.inf) < 2 * float(radii.max()):
        return None
    placed = np.empty((0, 3))
    for i in range(len(numbers)):
        for _ in range(TRIES):
            frac = rng.random(3)
            apart = frac - placed
            apart -= np.rint(apart)
            distances = np.linalg.norm((apart @ cell)[:, None] + images, axis=2)
            if (distances >= (radii[:i] + radii[i])[:, None]).all():
                placed = np.vstack([placed, frac])
                break
        else:
            return None
    return placed


def _images(cell: np.ndarray, reach: float) -> np.ndarray:
    """Translations (n, 3) in Å that can bring an atom of the neighbouring cells within `reach`."""
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    # coordinates are within half a cell of each other
    most = np.ceil(reach / heights + 0.5).astype(int)
    steps = np.stack(np.meshgrid(*(np.arange(-m, m + 1) for m in most), indexing="ij"), axis=-1)
    return np.asarray(steps.reshape(-1, 3) @ cell)
