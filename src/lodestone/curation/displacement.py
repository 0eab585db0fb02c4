"""How far idealising a crystal moves it: atoms at fixed cell, and the cell at fixed atoms.

spglib gives an idealised conventional crystal (columns A_s, positions y) and the transformation
x_s = P x + p of the original coordinates x. Three things are left aside because they move no atom
against another: the rotation that spglib makes, a rigid shift, and the choice of basis.

- atoms: u_i = A_s (y_k(i) - P x_i - p), k(i) the idealised atom at the same place, less the mean
  of all u; its length is a displacement in Å.
- cell: the original lattice is A, the idealised one in the same basis A_s P. The change is the
  right stretch of the deformation between them (Cauchy's polar decomposition), applied to the
  three shortest lattice vectors: how far an atom's own nearest images move against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lodestone.curation.lattice import reduce_cell

if TYPE_CHECKING:
    from spglib import SpglibDataset


def largest_displacement(cell: np.ndarray, frac: np.ndarray, dataset: SpglibDataset) -> float:
    """The largest displacement in Å that idealising a crystal causes, of atoms or of their images.

    Args:
        cell: (3, 3) in Å; rows are lattice vectors.
        frac: (n_atoms, 3).
        dataset: spglib's symmetry dataset of that crystal.
    """
    return max(_of_atoms(frac, dataset), _of_cell(cell, dataset))


def _of_atoms(frac: np.ndarray, dataset: SpglibDataset) -> float:
    standard = frac @ dataset.transformation_matrix.T + dataset.origin_shift
    same = dataset.mapping_to_primitive[:, None] == dataset.std_mapping_to_primitive[None, :]
    apart = dataset.std_positions[None, :, :] - standard[:, None, :]
    apart -= np.rint(apart)
    vectors = apart @ dataset.std_lattice
    lengths = np.where(same, np.linalg.norm(vectors, axis=-1), np.inf)
    nearest = vectors[np.arange(len(frac)), lengths.argmin(axis=1)]
    return float(np.linalg.norm(nearest - nearest.mean(axis=0), axis=1).max())


def _of_cell(cell: np.ndarray, dataset: SpglibDataset) -> float:
    reduced = reduce_cell(cell)
    if reduced is None:
        return float("inf")
    original, steps = reduced
    ideal = steps @ dataset.transformation_matrix.T @ dataset.std_lattice
    rotation, stretch, _ = np.linalg.svd(np.linalg.solve(original, ideal))
    change = original @ (rotation * (stretch - 1)) @ rotation.T
    return float(np.linalg.norm(change, axis=1).max())
