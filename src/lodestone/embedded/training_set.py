"""The training set of the embedded MatterGen checkpoint, from the embedded reference set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lodestone.structures.table import arrays

LONGEST_EDGE, MOST_ANISOTROPIC = 10.0, 2.5  # Å; ratio of singular values: what the prior can hold
LARGEST_FORCE = 1.0  # eV/Å


@dataclass(frozen=True)
class Example:
    """One crystal: symmetric cell (3, 3) in Å, frac (n_atoms, 3), numbers, chemical system."""

    family: str
    chemical_system: str
    numbers: np.ndarray
    cell: np.ndarray
    frac: np.ndarray


def examples(references: pl.DataFrame) -> list[Example]:
    """Training examples: Niggli-reduced, symmetric cells, not too long, relaxed well enough."""
    from ase.data import chemical_symbols
    from pymatgen.core import Lattice, Structure

    found = []
    usable = references.filter(pl.col("failure").is_null() & (pl.col("largest_force") < LARGEST_FORCE))
    for row in usable.iter_rows(named=True):
        numbers, cell, frac = arrays(row)
        reduced = Structure(Lattice(cell), numbers, frac).get_reduced_structure("niggli")
        matrix = symmetric(reduced.lattice.matrix)
        values = np.linalg.svd(matrix, compute_uv=False)
        edge = max(np.linalg.norm(matrix, axis=1))
        if values[0] / values[-1] > MOST_ANISOTROPIC or edge > LONGEST_EDGE:
            continue
        numbers = np.array([site.specie.Z for site in reduced])
        system = "-".join(sorted({chemical_symbols[z] for z in numbers}))
        found.append(Example(row["id"].split("/")[0], system, numbers, matrix, reduced.frac_coords % 1.0))
    return found


def symmetric(cell: np.ndarray) -> np.ndarray:
    """The symmetric positive-definite cell with the same metric L Lᵀ (polar decomposition)."""
    left, values, _ = np.linalg.svd(cell)
    return (left * values) @ left.T


def moments(found: list[Example]) -> tuple[np.ndarray, np.ndarray]:
    """Element-wise mean and standard deviation of cell / n^(1/3), (3, 3) each, in Å."""
    scaled = np.array([e.cell / len(e.numbers) ** (1 / 3) for e in found])
    return scaled.mean(axis=0), scaled.std(axis=0)


def draw_probabilities(found: list[Example]) -> np.ndarray:
    """How often each example is drawn: families equally, complete systems half of each family."""
    families = sorted({e.family for e in found})
    p = np.zeros(len(found))
    for family in families:
        members = [i for i, e in enumerate(found) if e.family == family]
        whole = "-".join(sorted(family.split("-")))
        full = [i for i in members if found[i].chemical_system == whole]
        parts = [i for i in members if found[i].chemical_system != whole]
        share = 1.0 if not parts else 0.6
        p[full] += share / len(full)
        if parts:
            p[parts] += (1 - share) / len(parts)
    return p / p.sum()
