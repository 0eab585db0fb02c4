"""What is known of a structure before it is drawn: its types, or parts of a known crystal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FIELDS = ("positions", "cell", "types")


class TemplateError(ValueError):
    """A crystal that cannot serve as a template; the message says why."""


@dataclass(frozen=True)
class Template:
    """Values of one structure and which of them are held.

    numbers (n_atoms,), cell (3, 3) in Å, rows are lattice vectors, symmetric as MatterGen's cells
    are; frac (n_atoms, 3) within [0, 1). `atoms` (n_atoms,) is True where `fields` holds positions
    and types; the cell is held as a whole.
    """

    numbers: np.ndarray
    cell: np.ndarray
    frac: np.ndarray
    fields: tuple[str, ...]
    atoms: np.ndarray


def of_composition(composition: Mapping[str, int], formula_units: Sequence[int]) -> dict[int, Template]:
    """By number of atoms, what is known of `formula_units` of a composition: the types alone."""
    from ase.data import atomic_numbers

    found = {}
    for units in sorted(formula_units):
        z = [atomic_numbers[element] for element, n in composition.items() for _ in range(n * units)]
        n = len(z)
        found[n] = Template(np.array(z), np.eye(3), np.zeros((n, 3)), ("types",), np.ones(n, dtype=bool))
    return found


def of_file(path: Path, fix: Sequence[str], atoms: Sequence[int] | None) -> Template:
    """What is held of a crystal: the fields `fix` of the atoms with these indices (None: all)."""
    numbers, cell, frac = read_crystal(path)
    held = np.ones(len(numbers), dtype=bool)
    if atoms is not None:
        if max(atoms) >= len(numbers):
            raise TemplateError(
                f"sampling.template.atoms: {path} has {len(numbers)} atoms, numbered from 0; "
                f"there is no atom {max(atoms)}"
            )
        held = np.isin(np.arange(len(numbers)), atoms)
    return Template(numbers, symmetric(cell), frac, tuple(fix), held)


def read_crystal(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers (n_atoms,), cell (3, 3) in Å and wrapped fractional coordinates of a crystal's file.

    Raises:
        TemplateError: unreadable, not periodic, a flat cell, or sites of partial occupancy.
    """
    import ase.io

    try:
        found: Any = ase.io.read(path)
    except Exception as error:  # ASE's readers raise whatever they stumble over
        raise TemplateError(f"{path} is not readable ({type(error).__name__})") from error
    occupancy = found.info.get("occupancy", {}).values()
    if any(share < 1 - 1e-6 for site in occupancy for share in site.values()):
        raise TemplateError(f"{path} has sites of partial occupancy")
    cell = np.asarray(found.cell)
    if not found.pbc.all() or not np.isfinite(cell).all() or abs(np.linalg.det(cell)) < 1e-3:
        raise TemplateError(f"{path} is no three-dimensional crystal")
    frac = np.mod(found.get_scaled_positions(wrap=False), 1.0)
    return found.numbers.astype(int), cell, np.where(frac < 1.0, frac, 0.0)


def symmetric(cell: np.ndarray) -> np.ndarray:
    """The cell turned so that its matrix is symmetric, as the model knows cells (polar decomposition)."""
    left, values, _ = np.linalg.svd(cell)
    turned: np.ndarray = (left * values) @ left.T
    return turned


def templates(sampling: Mapping[str, Any]) -> dict[int, Template]:
    """What the settings of sampling know beforehand, by number of atoms; empty where nothing."""
    if sampling.get("composition"):
        return of_composition(sampling["composition"], sampling["formula_units"])
    if sampling.get("template"):
        given = sampling["template"]
        found = of_file(Path(given["file"]), given["fix"], given["atoms"])
        return {len(found.numbers): found}
    return {}
