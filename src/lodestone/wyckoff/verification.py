"""Whether a structure is what was asked for, judged by spglib and by its own tables of operations.

Nothing here uses the sampler's tables: the operations that were asked for are those of spglib's database, and
that they are symmetries is tried on the atoms themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lodestone.structures.elements import ELEMENTS
from lodestone.wyckoff.groups import CENTRINGS

EXACT, SUPERGROUP, OTHER = "exact", "supergroup", "other"
SYMPREC = 0.01  # Å
CHOICES = ("", "b", "b1", "2", "H")  # of the settings in use: unique axis b, cell 1; origin 2; hexagonal axes


@dataclass(frozen=True)
class Strictness:
    """How strictly a structure is what was asked for.

    exact_formula: the atoms are exactly those asked for. found: the number of the space group that spglib
    finds, or None. verdict: `exact`, the group is the one asked for; `supergroup`, it is another and every
    operation asked for is a symmetry of the structure; `other`.
    """

    exact_formula: bool
    found: int | None
    verdict: str


def strictness(
    numbers: np.ndarray,
    cell: np.ndarray,
    frac: np.ndarray,
    space_group: int,
    counts: Mapping[str, int],
    symprec: float = SYMPREC,
) -> Strictness:
    """Judge a structure as it was generated, in the basis and with the origin of the sampler.

    Args:
        numbers: atomic numbers (n_atoms,).
        cell: rows are lattice vectors (3, 3), Å.
        frac: fractional coordinates (n_atoms, 3).
        space_group: the number asked for.
        counts: atoms of each element asked for, per cell.
        symprec: tolerance of spglib and of the operations, Å.
    """
    named = Counter(ELEMENTS[z - 1] if 0 < z <= len(ELEMENTS) else "?" for z in map(int, numbers))
    exact = dict(named) == {element: n for element, n in counts.items() if n}
    found = found_group(numbers, cell, frac, symprec)
    if found is None:
        return Strictness(exact, None, OTHER)
    if found == space_group:
        return Strictness(exact, found, EXACT)
    kept = has_operations(numbers, cell, frac, space_group, symprec)
    return Strictness(exact, found, SUPERGROUP if kept else OTHER)


def found_group(
    numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray, symprec: float = SYMPREC
) -> int | None:
    """The space group that spglib finds, None where it finds none (coinciding atoms, a flat cell)."""
    import spglib

    if not (np.isfinite(cell).all() and np.isfinite(frac).all()):
        return None
    try:
        found = spglib.get_symmetry_dataset((cell, frac, numbers), symprec=symprec)
    except Exception:  # noqa: BLE001  # what spglib raises for nonsense differs by version
        return None
    return None if found is None else int(found.number)


def has_operations(
    numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray, space_group: int, symprec: float = SYMPREC
) -> bool:
    """Whether every operation of a space group maps lattice and atoms on themselves, to symprec Å.

    The cell is the primitive one of the group's standard setting, its origin the setting's.
    """
    rotations, translations = operations(space_group)
    metric = cell @ cell.T
    lengths = np.sqrt(np.abs(np.diagonal(metric)))
    moved = np.einsum("gba,bc,gcd->gad", rotations, metric, rotations)
    # a change of a lattice vector's length, and of angles as the distance that they move its end
    if np.abs((moved - metric) / (lengths[:, None] + lengths[None, :])).max() > symprec:
        return False
    return all(
        _maps(numbers, cell, frac, np.mod(frac @ w.T + t, 1.0), symprec)
        for w, t in zip(rotations, translations, strict=True)
    )


def _maps(
    numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray, images: np.ndarray, symprec: float
) -> bool:
    """Whether every image has an atom of its element within symprec, one image per atom."""
    apart = images[:, None] - frac[None]
    apart = apart - np.rint(apart)  # the nearest image where atoms are near at all
    distance = np.linalg.norm(apart @ cell, axis=2)
    near = (distance <= symprec) & (numbers[:, None] == numbers[None, :])
    return bool((near.any(axis=1) & near.any(axis=0)).all())


@lru_cache(maxsize=230)
def operations(space_group: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (n, 3, 3) and translations (n, 3) of spglib's database, in the primitive basis.

    Raises:
        ValueError: there is no such space group.
    """
    import spglib

    for hall in range(1, 531):
        kind = spglib.get_spacegroup_type(hall)
        if kind.number == space_group and kind.choice in CHOICES:
            break
    else:
        raise ValueError(f"no space group {space_group}; there are 1 to 230")
    table = spglib.get_symmetry_from_database(hall)
    primitive = np.array(CENTRINGS[kind.international_short[0]])
    to_primitive = np.linalg.inv(primitive).T
    rotations = np.rint(to_primitive @ table["rotations"] @ primitive.T).astype(int)
    translations = np.mod(np.round(table["translations"] @ to_primitive.T, 9), 1.0)
    keys = np.concatenate([rotations.reshape(-1, 9), np.rint(translations * 1e4) % 10_000], axis=1)
    _, once = np.unique(keys.astype(int), axis=0, return_index=True)
    return rotations[np.sort(once)], translations[np.sort(once)]
