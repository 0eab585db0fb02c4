"""Exact periodic neighbours of one finished structure."""

from __future__ import annotations

import numpy as np

LEAST_HEIGHT = 0.3  # Å; a flatter cell has no meaningful neighbours and too many images
ABOVE = 1e-6  # Å beyond a known distance, so that a search up to it finds it


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
    i, j, _ = _neighbours(cell, frac, cutoff)
    wanted = (numbers[i] == center) & (numbers[j] == neighbor)
    counts = np.bincount(i[wanted], minlength=len(numbers))
    return counts[numbers == center]


def distances_between(
    numbers: np.ndarray,
    cell: np.ndarray,
    frac: np.ndarray,
    center: int,
    neighbor: int,
    cutoff: float,
) -> np.ndarray | None:
    """Distances (Å) of every `center` atom to every `neighbor` atom or image within `cutoff`.

    None where the cell is unusable.
    """
    if not usable_cell(cell, frac):
        return None
    i, j, distance = _neighbours(cell, frac, cutoff)
    return distance[(numbers[i] == center) & (numbers[j] == neighbor)]


def shortest_distance(
    numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray, center: int, neighbor: int
) -> float | None:
    """The shortest distance (Å) of a `center` atom to a `neighbor` atom or image, however far it is.

    None without such a pair, or where the cell is unusable.
    """
    first, second = (np.flatnonzero(numbers == z) for z in (center, neighbor))
    if not usable_cell(cell, frac) or not len(first) or not len(second):
        return None
    bound = _images_apart(cell, frac)[np.ix_(first, second)].min() + ABOVE
    found = distances_between(numbers, cell, frac, center, neighbor, bound)
    return None if found is None else float(found.min())


def shortest_contact(cell: np.ndarray, frac: np.ndarray, radii: np.ndarray) -> float | None:
    """The least of distance / (r_i + r_j) over all pairs and images; radii (n_atoms,) in Å.

    None where the cell is unusable.
    """
    if not usable_cell(cell, frac):
        return None
    bound = (_images_apart(cell, frac) / (radii[:, None] + radii)).min()
    i, j, distance = _neighbours(cell, frac, bound * 2 * radii.max() + ABOVE)
    return float((distance / (radii[i] + radii[j])).min())


def _images_apart(cell: np.ndarray, frac: np.ndarray) -> np.ndarray:
    """Distance of every pair to an image close by, (n, n), Å: not always the nearest one."""
    difference = frac[None] - frac[:, None]
    apart: np.ndarray = np.linalg.norm((difference - np.round(difference)) @ cell, axis=2)
    np.fill_diagonal(apart, np.linalg.norm(cell, axis=1).min())
    return apart


def _neighbours(cell: np.ndarray, frac: np.ndarray, cutoff: float) -> tuple[np.ndarray, ...]:
    """Atoms i and j and their distances (n_pairs,), every image within `cutoff`."""
    from matscipy.neighbours import neighbour_list

    found: tuple[np.ndarray, ...] = neighbour_list(
        "ijd", positions=(frac % 1.0) @ cell, cell=cell, pbc=[True] * 3, cutoff=float(cutoff)
    )
    return found
