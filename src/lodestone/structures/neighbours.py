"""Exact periodic neighbours of one finished structure."""

from __future__ import annotations

import numpy as np

LEAST_HEIGHT = 0.3  # Å; a flatter cell has no meaningful neighbours and too many images


def usable_cell(cell: np.ndarray, frac: np.ndarray) -> bool:
    """Whether neighbours can be enumerated: finite, and no lattice planes closer than 0.3 Å."""
    if not (np.isfinite(cell).all() and np.isfinite(frac).all()):
        return False
    volume = abs(np.linalg.det(cell))
    areas = [np.linalg.norm(np.cross(cell[i - 2], cell[i - 1])) for i in range(3)]
    return volume > 0 and volume < 1e6 and all(volume / a > LEAST_HEIGHT for a in areas)


def neighbour_counts(
    numbers: np.ndarray,
    cell: np.ndarray,
    frac: np.ndarray,
    center: int,
    neighbor: int,
    cutoff: float,
) -> np.ndarray | None:
    """Number of `neighbor` atoms within `cutoff` (Å) of each `center` atom, (n_centers,).

    Every periodic image counts; an atom is not its own neighbour, its images are. None where the
    cell is unusable.
    """
    if not usable_cell(cell, frac):
        return None
    from matscipy.neighbours import neighbour_list

    i, j = neighbour_list(
        "ij", positions=(frac % 1.0) @ cell, cell=cell, pbc=[True] * 3, cutoff=float(cutoff)
    )
    wanted = (numbers[i] == center) & (numbers[j] == neighbor)
    counts = np.bincount(i[wanted], minlength=len(numbers))
    return counts[numbers == center]
